package oracle

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Dialogue is a test in which yjs examines what Go made of a case, and Go what yjs did with that.
type Dialogue struct {
	Script string // below test/node
	Share  int    // cases are SYMPHONY_ORACLE_CASES / Share
	Must   []string

	// Answer says what Go makes of a case. Examine, which may be nil, is then called with what yjs says of the answer.
	// Both are called from several goroutines at a time; a panic counts as an error.
	Answer func(c *Case) (answer [][]byte, examine func(result *Case) error, err error)
}

// Converse generates the cases, answers them and examines the results. Of several failing cases it prints the smallest.
func Converse(t *testing.T, d Dialogue) {
	t.Helper()
	seed := number(t, "SYMPHONY_ORACLE_SEED", 1)
	count := number(t, "SYMPHONY_ORACLE_CASES", defaultCases()) / d.Share
	first, processes := 0, 2
	only := os.Getenv("SYMPHONY_ORACLE_CASE") != ""
	if only {
		first, count, processes = number(t, "SYMPHONY_ORACLE_CASE", 0), 1, 1
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Duration(count)*time.Second)
	defer cancel()
	result := tally{features: map[string]int{}, stop: cancel}
	if only {
		result.each = func(c *Case) { t.Log(Describe(c)) }
	}
	errs := make([]error, processes)
	var all sync.WaitGroup
	for i := range processes {
		part := generator{seed: seed, first: first + i, step: processes, count: (count - i + processes - 1) / processes}
		all.Go(func() { errs[i] = d.run(ctx, part, &result) })
	}
	all.Wait()
	result.finish(t, "dialogue "+d.Script, seed, count, errors.Join(errs...), d.Must, d.Share)
}

// run holds the part's dialogues with one Node process.
func (d Dialogue) run(ctx context.Context, g generator, result *tally) error {
	node := exec.CommandContext(ctx, "node", nodeScript(d.Script), "--seed", strconv.Itoa(g.seed),
		"--first", strconv.Itoa(g.first), "--step", strconv.Itoa(g.step), "--count", strconv.Itoa(g.count))
	var complaints bytes.Buffer
	node.Stderr = &complaints
	to, err := node.StdinPipe()
	if err != nil {
		return err
	}
	from, err := node.StdoutPipe()
	if err != nil {
		return err
	}
	if err := node.Start(); err != nil {
		return fmt.Errorf("starting the oracle (install Node 20 or newer, then run npm ci): %w", err)
	}
	in := bufio.NewReaderSize(from, 1<<20)
	for err == nil {
		err = d.one(in, to, result)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	} else {
		_ = from.Close() // else Node would wait for a reader
	}
	_ = to.Close()
	if err = errors.Join(err, node.Wait()); err != nil {
		return fmt.Errorf("the oracle failed: %w\n%s", err, complaints.String())
	}
	return nil
}

// one holds one dialogue. The error is io.EOF when there are no more.
func (d Dialogue) one(in *bufio.Reader, to io.Writer, result *tally) error {
	c, err := ReadCase(in)
	if err != nil {
		return err
	}
	var answer [][]byte
	var examine func(*Case) error
	wrong := recovered(func() (err error) {
		answer, examine, err = d.Answer(c)
		return err
	})
	if wrong != nil {
		answer = nil
	}
	frame := binary.LittleEndian.AppendUint32(nil, uint32(len(answer)))
	for _, b := range answer {
		frame = append(binary.LittleEndian.AppendUint32(frame, uint32(len(b))), b...)
	}
	if _, err := to.Write(frame); err != nil {
		return fmt.Errorf("answering case %d: %w", c.Number, err)
	}
	said, err := ReadCase(in)
	if err != nil {
		return fmt.Errorf("reading what yjs says of case %d: %w", c.Number, err)
	}
	if wrong == nil && examine != nil {
		wrong = recovered(func() error { return examine(said) })
	}
	result.add(c, wrong)
	return nil
}

// recovered turns a panic of f into an error.
func recovered(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			stack := make([]byte, 4096)
			err = fmt.Errorf("panic: %v\n%s", p, stack[:runtime.Stack(stack, false)])
		}
	}()
	return f()
}
