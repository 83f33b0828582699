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

// sideBySide marks the lines in which two descriptions differ.
func sideBySide(want, got []string) string {
	var b strings.Builder
	line := func(lines []string, i int) string {
		if i < len(lines) {
			return lines[i]
		}
		return "(nothing)"
	}
	for i := range max(len(want), len(got)) {
		w, g := line(want, i), line(got, i)
		if w == g {
			fmt.Fprintf(&b, "        %s\n", w)
			continue
		}
		fmt.Fprintf(&b, "  yjs > %s\n  go  > %s\n", w, g)
	}
	return b.String()
}
