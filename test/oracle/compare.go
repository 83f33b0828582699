package oracle

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// SameUpdate compares an update of ours with yjs' own. The error shows both, struct by struct.
func SameUpdate(what string, version uint8, got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("%s differs at byte %d\n  yjs: %x\n  go:  %x\n%s", what, firstDifference(got, want), want, got,
		sideBySide(readable(version, want), readable(version, got)))
}

// SameBytes compares anything else.
func SameBytes(what string, got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("%s differs at byte %d\n  yjs: %x\n  go:  %x\n  yjs: %q\n  go:  %q", what, firstDifference(got, want), want, got, want, got)
}

func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// readable lets yjs take an update apart: one struct or deleted range per line.
func readable(version uint8, update []byte) []string {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", nodeScript("oracle/describe.mjs"), fmt.Sprint(version))
	cmd.Stdin = bytes.NewReader(update)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return []string{fmt.Sprintf("(yjs cannot read this: %v) %s", err, out)}
	}
	return strings.Split(strings.TrimRight(string(out), "\n"), "\n")
}

// around is how many equal lines are shown around what differs.
const around = 3

// sideBySide shows the lines from the first to the last that differ, with a few around them.
func sideBySide(want, got []string) string {
	head := 0
	for head < len(want) && head < len(got) && want[head] == got[head] {
		head++
	}
	tail := 0
	for tail < min(len(want), len(got))-head && want[len(want)-1-tail] == got[len(got)-1-tail] {
		tail++
	}
	var b strings.Builder
	write := func(mark string, lines []string) {
		for _, line := range lines {
			fmt.Fprintf(&b, "  %s %s\n", mark, line)
		}
	}
	write("     ", want[max(0, head-around):head])
	write("yjs >", want[head:len(want)-tail])
	write("go  >", got[head:len(got)-tail])
	write("     ", want[len(want)-tail:min(len(want), len(want)-tail+around)])
	return b.String()
}
