package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"golang.org/x/term"

	"github.com/symphony-rtc/symphony/internal/doctor"
)

var stateStyles = map[doctor.State]lipgloss.Style{
	doctor.Fine:     lipgloss.NewStyle().Foreground(lipgloss.Color("35")),
	doctor.Doubtful: lipgloss.NewStyle().Foreground(lipgloss.Color("214")),
	doctor.Broken:   lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("203")),
}

// columns before what was found: the state, and what was looked at.
const (
	stateWidth = 9
	checkWidth = 18
)

// printFinding writes a finding as a row: in colour on a terminal, plain elsewhere.
func printFinding(w io.Writer, f doctor.Finding) {
	check, faint := f.Check, lipgloss.NewStyle().Faint(true)
	text := visible(f.Text)
	if f.Room != "" {
		text = fmt.Sprintf("%q: %s", f.Room, text)
	}
	row := stateStyles[f.State].Width(stateWidth).Render(f.State.String()) + faint.Width(checkWidth).Render(check) + text + "\n"
	if f.State != doctor.Fine && f.Do != "" {
		row += strings.Repeat(" ", stateWidth+checkWidth) + faint.Render("-> "+f.Do) + "\n"
	}
	_, _ = lipgloss.Fprint(w, row) // a reader that closed the pipe wants no more
}

// visible keeps a text on its line: errors of libraries may have several.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

func printSummary(w io.Writer, sum doctor.Summary) {
	var text string
	switch {
	case sum.State == doctor.Fine:
		text = "Everything is fine."
	case sum.Broken == 0:
		text = fmt.Sprintf("Nothing is broken, %d doubtful.", sum.Doubtful)
	default:
		text = fmt.Sprintf("%d broken, %d doubtful.", sum.Broken, sum.Doubtful)
	}
	_, _ = lipgloss.Fprint(w, "\n"+stateStyles[sum.State].Render(text)+"\n")
}

// progressBar shows on a terminal how far something has come. Elsewhere it shows nothing.
type progressBar struct {
	w     io.Writer
	what  string
	on    bool
	dirty bool // the terminal's line has text
	last  time.Time
}

const (
	barWidth = 30
	barEvery = 100 * time.Millisecond
)

func newProgressBar(w io.Writer, what string) *progressBar {
	f, ok := w.(*os.File)
	return &progressBar{w: w, what: what, on: ok && term.IsTerminal(int(f.Fd()))}
}

func (p *progressBar) show(done, of int64) {
	if !p.on || time.Since(p.last) < barEvery {
		return
	}
	p.last, p.dirty = time.Now(), true
	fmt.Fprintf(p.w, "\r\x1b[K%s %d of %d %s", bar(done, of), done, of, p.what)
}

func bar(done, of int64) string {
	full := 0
	if of > 0 {
		full = int(min(done, of) * barWidth / of)
	}
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", barWidth-full) + "]"
}

// clear empties the line for what is printed next.
func (p *progressBar) clear() {
	if p.dirty {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.dirty = false
	}
}
