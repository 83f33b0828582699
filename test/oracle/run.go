package oracle

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Test is one section of the oracle and how Go is compared with it.
type Test struct {
	Section   string              // documents, updates or malformed, see oracle.mjs
	Share     int                 // cases are SYMPHONY_ORACLE_CASES / Share
	Processes int                 // of Node, each with a part of the cases; Check is called from as many goroutines
	Check     func(c *Case) error // nil if Go and yjs agree; a panic counts as disagreement
	Must      []string            // features that have to occur, or the test proves less than it says
	Report    func(t *testing.T)  // called at the end to print more; may be nil
}

// tooMany failing cases end a run: the engine is broken, and more of them say nothing new.
const tooMany = 200

// Run generates the cases and checks them. Of several failing cases it prints the smallest.
func Run(t *testing.T, test Test) {
	t.Helper()
	seed := number(t, "SYMPHONY_ORACLE_SEED", 1)
	count := number(t, "SYMPHONY_ORACLE_CASES", defaultCases()) / test.Share
	first, processes := 0, max(1, test.Processes)
	only := os.Getenv("SYMPHONY_ORACLE_CASE") != ""
	if only {
		first, count, processes = number(t, "SYMPHONY_ORACLE_CASE", 0), 1, 1
	}

	// Generous: some ten times what a slow machine needs.
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute+time.Duration(count)*100*time.Millisecond)
	defer cancel()
	result := tally{features: map[string]int{}, stop: cancel}
	if only {
		result.each = func(c *Case) { t.Log(Describe(c)) }
	}
	errs := make(chan error)
	for i := range processes {
		part := generator{
			section: test.Section, seed: seed, first: first + i, step: processes,
			count: (count - i + processes - 1) / processes,
		}
		go func() { errs <- part.run(ctx, test.Check, &result) }()
	}
	var err error
	for range processes {
		err = errors.Join(err, <-errs)
	}

	if test.Report != nil {
		test.Report(t)
	}
	result.finish(t, test.Section, seed, count, err, test.Must, test.Share)
}

// tally is what is known of the cases so far.
type tally struct {
	stop func()      // ends the generators
	each func(*Case) // called with each case; may be nil

	mu       sync.Mutex
	cases    int
	records  int
	features map[string]int
	failing  []uint32
	smallest *Case // of those that fail
	why      error // why it fails
}

// finish reports what came of all cases: err is why they ended early, must what has to occur among them.
func (r *tally) finish(t *testing.T, what string, seed, count int, err error, must []string, share int) {
	t.Helper()
	t.Logf("%s: seed %d, %d cases, %d comparisons, %d disagree", what, seed, r.cases, r.records, len(r.failing))
	for _, f := range slices.Sorted(maps.Keys(r.features)) {
		t.Logf("  %-20s %6d cases", f, r.features[f])
	}
	if n := len(r.failing); n > 0 {
		t.Fatalf("Go and yjs disagree in %d cases, such as %v. The smallest is case %d:\n%v\n"+
			"run it alone: SYMPHONY_ORACLE_SEED=%d SYMPHONY_ORACLE_CASE=%d go test -v -run %s ./test/oracle/...",
			n, r.failing[:min(n, 10)], r.smallest.Number, r.why, seed, r.smallest.Number, t.Name())
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.cases != count {
		t.Fatalf("%d cases instead of %d", r.cases, count)
	}
	for _, f := range must {
		if r.features[f] == 0 && count >= 1000/share {
			t.Errorf("no case had %q: the comparison does not cover it", f)
		}
	}
}

func (r *tally) add(c *Case, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cases++
	r.records += len(c.Records)
	for _, f := range c.Features {
		r.features[f]++
	}
	if r.each != nil {
		r.each(c)
	}
	if err == nil {
		return
	}
	r.failing = append(r.failing, c.Number)
	if r.smallest == nil || c.Size < r.smallest.Size {
		r.smallest, r.why = c, err
	}
	if len(r.failing) == tooMany {
		r.stop()
	}
}

// generator is one Node process with its part of the cases.
type generator struct {
	section                  string
	seed, first, step, count int
}

// run checks the part's cases.
func (g generator) run(ctx context.Context, check func(*Case) error, result *tally) error {
	node := exec.CommandContext(ctx, "node", nodeScript("oracle.mjs"), "--section", g.section, "--seed", strconv.Itoa(g.seed),
		"--first", strconv.Itoa(g.first), "--step", strconv.Itoa(g.step), "--count", strconv.Itoa(g.count))
	var complaints bytes.Buffer
	node.Stderr = &complaints
	out, err := node.StdoutPipe()
	if err != nil {
		return err
	}
	if err := node.Start(); err != nil {
		return fmt.Errorf("starting the oracle (install Node 20 or newer, then run npm ci): %w", err)
	}
	in := bufio.NewReaderSize(out, 1<<20)
	for {
		var c *Case
		c, err = ReadCase(in)
		if err != nil {
			break
		}
		result.add(c, guard(check, c))
	}
	if errors.Is(err, io.EOF) {
		err = nil
	} else {
		_ = out.Close() // else Node would wait for a reader
	}
	if err = errors.Join(err, node.Wait()); err != nil {
		return fmt.Errorf("the oracle failed: %w\n%s", err, complaints.String())
	}
	return nil
}

// guard calls check so that a panic of it is an error, and the case can be named.
func guard(check func(*Case) error, c *Case) error {
	return recovered(func() error { return check(c) })
}

func defaultCases() int {
	if testing.Short() {
		return 1000
	}
	return 20000
}

func number(t *testing.T, env string, otherwise int) int {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s=%q is not a number", env, text)
	}
	return n
}

// nodeScript is the path of a script below test/node.
func nodeScript(name string) string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "node", filepath.FromSlash(name))
}

// Describe prints a case's records with their updates in hexadecimal.
func Describe(c *Case) string {
	var b strings.Builder
	fmt.Fprintf(&b, "case %d (%s)\n", c.Number, strings.Join(c.Features, ", "))
	for i, r := range c.Records {
		fmt.Fprintf(&b, "%3d kind %d V%d flags %d\n", i, r.Kind, r.Version, r.Flags)
		for _, f := range r.Fields {
			fmt.Fprintf(&b, "      %x\n", f)
		}
	}
	return b.String()
}
