package sockettest

import (
	"bytes"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
)

// patience bounds every wait. Nothing is expected to be fast.
const patience = 30 * time.Second

// An end is one side of a connection. It keeps the rule that nothing is written after Close.
type end struct {
	ws.Socket
	t *testing.T

	mu     sync.Mutex
	closed bool
}

func (e *end) close(reset bool) {
	e.mu.Lock()
	first := !e.closed
	e.closed = true
	e.mu.Unlock()
	if first {
		e.Close(reset)
	}
}

// write writes some of p, or says that it must not.
func (e *end) write(p []byte) (n int, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return 0, io.ErrClosedPipe
	}
	n, err = e.Write(p)
	if n < 0 || n > len(p) {
		e.t.Errorf("%d of %d bytes were written", n, len(p))
	}
	return n, err
}

// writeAll writes p until the socket says that it is over, and returns how much.
func (e *end) writeAll(p []byte) (done int, err error) {
	e.WhenWritable(func() bool {
		var n int
		n, err = e.write(p[done:])
		done += n
		return err != nil || done == len(p)
	})
	return done, err
}

// mustWrite writes all of p, which the other side takes or has room for.
func (e *end) mustWrite(p []byte) {
	e.t.Helper()
	e.within("write", func() {
		if n, err := e.writeAll(p); err != nil || n != len(p) {
			e.t.Errorf("%d of %d bytes were written: %v", n, len(p), err)
		}
	})
	// A socket may still be at work on what it has accepted: it has room again when it is done.
	e.within("finish writing", func() { e.WhenWritable(func() bool { return true }) })
}

// mustFail writes until that fails. How soon it does differs: TCP learns of a close from the answer to what it sends.
func (e *end) mustFail() {
	e.t.Helper()
	for until := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if _, err := e.write([]byte("hello?")); err != nil {
			return
		}
		if time.Now().After(until) {
			e.t.Fatal("writes do not fail")
		}
	}
}

// within runs what must end.
func (e *end) within(what string, run func()) {
	e.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		run()
	}()
	e.await(what, done)
}

func (e *end) await(what string, done <-chan struct{}) {
	e.t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		e.t.Fatalf("%s: it does not end", what)
	}
}

// read reads once, up to max bytes.
func (e *end) read(max int) ([]byte, error) {
	e.t.Helper()
	in := &intake{space: make([]byte, max)}
	err := make(chan error, 1)
	e.within("read", func() { err <- e.Read(in) })
	return in.space[:in.got], <-err
}

// readUntil reads until an error.
func (e *end) readUntil() (all []byte, err error) {
	e.t.Helper()
	for {
		var p []byte
		p, err = e.read(64 << 10)
		if all = append(all, p...); err != nil {
			return all, err
		}
		if len(p) == 0 {
			e.t.Fatal("a read brought nothing and no error")
		}
	}
}

// mustRead reads exactly these bytes.
func (e *end) mustRead(want []byte) {
	e.t.Helper()
	got := make([]byte, 0, len(want))
	for len(got) < len(want) {
		p, err := e.read(min(64<<10, len(want)-len(got)))
		if got = append(got, p...); err != nil {
			e.t.Fatalf("after %d of %d bytes: %v", len(got), len(want), err)
		}
	}
	if !bytes.Equal(got, want) {
		e.t.Fatalf("%d bytes came that were not sent", len(got))
	}
}

// mustEnd reads the end.
func (e *end) mustEnd() {
	e.t.Helper()
	if p, err := e.read(64); len(p) > 0 || err != io.EOF {
		e.t.Fatalf("%q and %v came, want the end", p, err)
	}
}

// wait begins to read, and returns when the reader has nothing to read; the channel gets the end of that.
func (e *end) wait() <-chan error {
	e.t.Helper()
	parked, err := make(chan struct{}), make(chan error, 1)
	in := &intake{space: make([]byte, 64), parked: parked}
	go func() { err <- e.Read(in) }()
	e.await("park", parked)
	return err
}

func (e *end) result(of <-chan error) error {
	e.t.Helper()
	select {
	case err := <-of:
		return err
	case <-time.After(patience):
		e.t.Fatal("nothing wakes the reader")
		return nil
	}
}

// An intake is read into once.
type intake struct {
	space  []byte
	got    int
	parked chan struct{} // closed by Park
}

func (i *intake) Space() []byte { return i.space }
func (i *intake) Filled(n int)  { i.got += n }
func (i *intake) Park() {
	if i.parked != nil {
		close(i.parked)
		i.parked = nil
	}
}

// noise is n bytes that a seed stands for.
func noise(seed, n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(p)
	return p
}
