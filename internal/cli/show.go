package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// isTerminal reports whether a stream is one that a person sits at.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// showJSON prints an answer of the server, indented.
func showJSON(w io.Writer, text []byte) error {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(text), "", "  "); err != nil {
		return fmt.Errorf("the server's answer makes no sense: %w", err)
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}

var (
	tableHead = lipgloss.NewStyle().Bold(true).Padding(0, 1)
	tableCell = lipgloss.NewStyle().Padding(0, 1)
	faint     = lipgloss.NewStyle().Faint(true)
)

// showTable prints rows: with a frame on a terminal, in plain columns elsewhere.
func showTable(w io.Writer, heads []string, rows [][]string) error {
	if isTerminal(w) {
		t := table.New().Border(lipgloss.RoundedBorder()).BorderStyle(faint).Headers(heads...).Rows(rows...).
			StyleFunc(func(row, _ int) lipgloss.Style {
				if row == table.HeaderRow {
					return tableHead
				}
				return tableCell
			})
		_, err := lipgloss.Fprintln(w, t.String())
		return err
	}
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{heads}, rows...) {
		if _, err := fmt.Fprintln(columns, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return columns.Flush()
}

// withoutEmpty leaves out the column called head, if it is the last one and no row has anything in it.
func withoutEmpty(head string, heads []string, rows [][]string) ([]string, [][]string) {
	last := len(heads) - 1
	if heads[last] != head || slices.ContainsFunc(rows, func(row []string) bool { return row[last] != "" }) {
		return heads, rows
	}
	for i, row := range rows {
		rows[i] = row[:last]
	}
	return heads[:last], rows
}

// showFields prints names with their values, leaving out empty ones.
func showFields(w io.Writer, fields [][2]string) error {
	var b strings.Builder
	width := 0
	for _, f := range fields {
		width = max(width, len(f[0])+2)
	}
	for _, f := range fields {
		if f[1] != "" {
			fmt.Fprintf(&b, "%s%s\n", faint.Width(width).Render(f[0]), f[1])
		}
	}
	_, err := lipgloss.Fprint(w, b.String())
	return err
}

// shown is a text of somebody else's, such as a room's id: as it is if it prints as one word or phrase, else quoted, so that it
// cannot play with the terminal.
func shown(text string) string {
	for _, c := range text {
		if !unicode.IsPrint(c) {
			return strconv.Quote(text)
		}
	}
	if text != strings.TrimSpace(text) || strings.ContainsRune(text, '"') || strings.ToValidUTF8(text, "") != text {
		return strconv.Quote(text)
	}
	return text
}

// printable is a sentence of somebody else's, with what is not printable taken out.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return unicode.ReplacementChar
	}, text)
}

// shownTime is a time to the second; "" if there is none.
func shownTime(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

func shownBytes(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

var errNotConfirmed = errors.New("nothing was done")

// confirm asks whoever sits at the terminal whether to go on. Where nobody does, scripts go on.
func confirm(cmd *cobra.Command, yes bool, question string) error {
	if yes || !isTerminal(cmd.InOrStdin()) {
		return nil
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s [y/N] ", question)
	answer, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errNotConfirmed
}
