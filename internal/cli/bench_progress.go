package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/symphony-rtc/symphony/internal/bench"
)

// benchProgress shows how a run goes: one line that is written over in a terminal, a line every few seconds elsewhere.
type benchProgress struct {
	w        io.Writer
	terminal bool
	dirty    bool // the terminal's line has text
	last     time.Time
	phase    bench.Phase
}

// plainEvery is the time between two lines where they are not written over.
const plainEvery = 5 * time.Second

func newBenchProgress(w io.Writer) *benchProgress {
	f, ok := w.(*os.File)
	return &benchProgress{w: w, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

func (p *benchProgress) show(s bench.Progress) {
	line := progressLine(s)
	if p.terminal {
		fmt.Fprintf(p.w, "\r\x1b[K%s", line)
		p.dirty = true
		return
	}
	if s.Phase == p.phase && time.Since(p.last) < plainEvery {
		return
	}
	p.phase, p.last = s.Phase, time.Now()
	fmt.Fprintln(p.w, line)
}

// clear empties the terminal's line for what is printed next.
func (p *benchProgress) clear() {
	if p.dirty {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.dirty = false
	}
}

func progressLine(s bench.Progress) string {
	line := fmt.Sprintf("%-10s %3.0fs", s.Phase, s.Elapsed.Seconds())
	if s.Of > 0 {
		line += fmt.Sprintf("/%.0fs", s.Of.Seconds())
	}
	line += fmt.Sprintf("  %d/%d users  %.0f deliveries/s", s.Users, s.Wanted, s.Deliveries)
	if s.P99 > 0 {
		line += fmt.Sprintf("  p50 %s  p99 %s", shortTime(s.P50), shortTime(s.P99))
	}
	return line + fmt.Sprintf("  missing %d  disconnects %d  errors %d", s.Missing, s.Disconnects, s.Errors)
}

// shortTime is a duration with three digits.
func shortTime(d time.Duration) string { return shortMillis(float64(d) / float64(time.Millisecond)) }

func shortMillis(ms float64) string {
	switch {
	case ms < 10:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 100:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 10_000:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f s", ms/1000)
}
