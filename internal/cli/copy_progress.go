package cli

import (
	"fmt"
	"io"
	"time"
)

// copyProgress shows on a terminal how much was copied. It is a Writer to which everything copied is written.
type copyProgress struct {
	w        io.Writer
	terminal bool
	dirty    bool // the terminal's line has text
	last     time.Time

	bytes int64
	rooms int // 0 if nobody counts them
}

func newCopyProgress(w io.Writer) *copyProgress { return &copyProgress{w: w, terminal: isTerminal(w)} }

func (p *copyProgress) Write(b []byte) (int, error) {
	p.bytes += int64(len(b))
	if now := time.Now(); p.terminal && now.Sub(p.last) > 100*time.Millisecond {
		p.last, p.dirty = now, true
		line := shownBytes(p.bytes)
		if p.rooms > 0 {
			line += ", " + plural(p.rooms, "room")
		}
		fmt.Fprintf(p.w, "\r\x1b[K%s", line)
	}
	return len(b), nil
}

// clear empties the terminal's line for what is printed next.
func (p *copyProgress) clear() {
	if p.dirty {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.dirty = false
	}
}
