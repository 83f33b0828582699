package oracle

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Test is one section of the oracle and how Go is compared with it.
type Test struct {
	Section string              // documents, updates or malformed, see oracle.mjs
	Share   int                 // cases are SYMPHONY_ORACLE_CASES / Share
	Check   func(c *Case) error // nil if Go and yjs agree; a panic counts as disagreement
	Must    []string            // features that have to occur, or the test proves less than it says
	Report  func(t *testing.T)  // called at the end to print more; may be nil
}

// tooMany failing cases end a run: the engine is broken, and more of them say nothing new.
const tooMany = 200

// Run generates the cases and checks them. Of several failing cases it prints the smallest.
func Run(t *testing.T, test Test) {
	t.Helper()
	seed := number(t, "SYMPHONY_ORACLE_SEED", 1)
	count := number(t, "SYMPHONY_ORACLE_CASES", defaultCases()) / test.Share
	first, only := 0, os.Getenv("SYMPHONY_ORACLE_CASE") != ""
	if only {
		first, count = number(t, "SYMPHONY_ORACLE_CASE", 0), 1
	}

	// Generous: some ten times what a slow machine needs.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Duration(count)*100*time.Millisecond)
	defer cancel()
	node := exec.CommandContext(ctx, "node", nodeScript("oracle.mjs"), "--section", test.Section,
		"--seed", strconv.Itoa(seed), "--first", strconv.Itoa(first), "--count", strconv.Itoa(count))
	var complaints bytes.Buffer
	node.Stderr = &complaints
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatalf("starting the oracle: %v (install Node 20 or newer, then run npm ci)", err)
	}

	features := map[string]int{}
	var failing []uint32
	var smallest *Case
	var why error
	cases, records := 0, 0
	in := bufio.NewReaderSize(out, 1<<20)
	for {
		c, err := ReadCase(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, complaints.String())
		}
		cases++
		records += len(c.Records)
		for _, f := range c.Features {
			features[f]++
		}
		if only {
			t.Log(Describe(c))
		}
		if err := guard(test.Check, c); err != nil {
			failing = append(failing, c.Number)
			if smallest == nil || c.Size < smallest.Size {
				smallest, why = c, err
			}
			if len(failing) == tooMany {
				cancel()
				break
			}
		}
	}
	err = node.Wait()
	t.Logf("%s: seed %d, %d cases, %d comparisons, %d disagree", test.Section, seed, cases, records, len(failing))
	for _, f := range slices.Sorted(mapKeys(features)) {
		t.Logf("  %-20s %6d cases", f, features[f])
	}
	if test.Report != nil {
		test.Report(t)
	}
	if len(failing) > 0 {
		t.Fatalf("Go and yjs disagree in %d cases, such as %v. The smallest is case %d:\n%v\nrun it alone: SYMPHONY_ORACLE_SEED=%d SYMPHONY_ORACLE_CASE=%d go test -v -run %s ./test/oracle/...",
			len(failing), failing[:min(len(failing), 10)], smallest.Number, why, seed, smallest.Number, t.Name())
	}
	if err != nil {
		t.Fatalf("the oracle failed: %v\n%s", err, complaints.String())
	}
	if cases != count {
		t.Fatalf("%d cases instead of %d", cases, count)
	}
	for _, f := range test.Must {
		if features[f] == 0 && count >= 1000/test.Share {
			t.Errorf("no case had %q: the comparison does not cover it", f)
		}
	}
}

// guard turns a panic into an error, so that the case can be named.
func guard(check func(*Case) error, c *Case) (err error) {
	defer func() {
		if p := recover(); p != nil {
			stack := make([]byte, 4096)
			err = fmt.Errorf("panic: %v\n%s", p, stack[:runtime.Stack(stack, false)])
		}
	}()
	return check(c)
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

func mapKeys(m map[string]int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
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
