package process

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"
)

// maxLine is the longest line of a child's output; longer ones are cut.
const maxLine = 64 << 10

// output takes what a child writes and logs it line by line. Lines of slog's JSON stay what they are; others, such as those
// of a panic, become messages.
type output struct {
	log *slog.Logger

	mu   sync.Mutex
	line []byte // without its end
}

// Write implements io.Writer. It takes everything.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(b)
	for len(b) > 0 {
		part, rest, ended := bytes.Cut(b, []byte("\n"))
		if room := maxLine - len(o.line); len(part) > room {
			part, rest, ended = b[:room], b[room:], true
		}
		o.line = append(o.line, part...)
		if b = rest; ended {
			o.tell()
		}
	}
	return n, nil
}

// flush logs a last line without an end.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tell()
}

func (o *output) tell() {
	line := bytes.TrimSuffix(o.line, []byte("\r"))
	if len(line) > 0 && !relay(o.log, line) {
		o.log.Warn(string(line))
	}
	o.line = o.line[:0]
}

// relay logs a line of slog's JSON as it was logged, in its order. It returns false if it is none.
func relay(log *slog.Logger, line []byte) bool {
	if line[0] != '{' {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if _, err := d.Token(); err != nil {
		return false
	}
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "", 0)
	message := false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return false
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return false
		}
		text, _ := value.(string)
		switch key {
		case slog.TimeKey:
			if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
				r.Time = t
			}
		case slog.LevelKey:
			_ = r.Level.UnmarshalText([]byte(text))
		case slog.MessageKey:
			r.Message, message = text, true
		default:
			r.AddAttrs(slog.Any(key.(string), value))
		}
	}
	if !message {
		return false
	}
	if h := log.Handler(); h.Enabled(context.Background(), r.Level) {
		_ = h.Handle(context.Background(), r)
	}
	return true
}
