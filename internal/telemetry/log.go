// Package telemetry is how a running Symphony tells what it does: structured logs and Prometheus metrics.
package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"
	"golang.org/x/term"
)

// The log formats.
const (
	FormatAuto = "auto" // coloured lines on a terminal, FormatText elsewhere
	FormatText = "text" // key=value lines
	FormatJSON = "json" // one JSON object per line; durations are text with a unit, as in the others
)

// NewLogger returns a logger that writes records of at least the given level ("debug", "info", "warn", "error") to w in
// one of the formats above. It is safe for concurrent use.
func NewLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q is unknown: use debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: least}
	switch format {
	case FormatAuto:
		if IsTerminal(w) {
			return slog.New(tint.NewTextHandler(w, &tint.Options{
				Level: least, TimeFormat: time.TimeOnly, NoColor: os.Getenv("NO_COLOR") != "",
			})), nil
		}
		return slog.New(slog.NewTextHandler(w, options)), nil
	case FormatText:
		return slog.New(slog.NewTextHandler(w, options)), nil
	case FormatJSON:
		options.ReplaceAttr = func(_ []string, a slog.Attr) slog.Attr {
			if a.Value.Kind() == slog.KindDuration {
				a.Value = slog.StringValue(a.Value.Duration().String())
			}
			return a
		}
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, fmt.Errorf("log format %q is unknown: use %s, %s or %s", format, FormatAuto, FormatText, FormatJSON)
}

// IsTerminal reports whether w is a terminal that a person looks at.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
