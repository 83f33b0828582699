package k8s

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// table is what a run has measured: one line for each thing.
var table struct {
	mu    sync.Mutex
	lines [][]string
}

// measured adds a line with how long something took, each time that it was done.
func measured(what string, times ...time.Duration) {
	if len(times) == 0 {
		return
	}
	slices.Sort(times)
	at := func(share float64) string {
		return (times[min(len(times)-1, int(share*float64(len(times))))]).Round(100 * time.Microsecond).String()
	}
	line(what, fmt.Sprint(len(times)), at(0.5), at(0.99), times[len(times)-1].Round(100*time.Microsecond).String())
}

// counted adds a line with a number.
func counted(what string, n int) { line(what, fmt.Sprint(n), "", "", "") }

func line(cells ...string) {
	table.mu.Lock()
	defer table.mu.Unlock()
	table.lines = append(table.lines, cells)
}

// TestMain writes the table when all has run.
func TestMain(m *testing.M) {
	code := m.Run()
	if len(table.lines) > 0 {
		var text strings.Builder
		text.WriteString("| what | times | median | p99 | most |\n|---|--:|--:|--:|--:|\n")
		for _, l := range table.lines {
			fmt.Fprintf(&text, "| %s |\n", strings.Join(l, " | "))
		}
		fmt.Print(text.String())
		if file := os.Getenv("SYMPHONY_K8S_REPORT"); file != "" {
			if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
				fmt.Fprintln(os.Stderr, "write the table:", err)
				code = 1
			}
		}
	}
	os.Exit(code)
}
