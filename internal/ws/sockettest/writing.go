package sockettest

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
)

func order(t *testing.T, _ Kind, a, b *end) {
	var work sync.WaitGroup
	transfer := func(seed int, from, to *end) {
		sent := noise(seed, 2<<20)
		work.Go(func() {
			r := rand.New(rand.NewPCG(uint64(seed), 0))
			for p := sent; len(p) > 0; {
				n := min(len(p), 1+r.IntN(1<<r.IntN(18)))
				if done, err := from.writeAll(p[:n]); done != n || err != nil {
					t.Errorf("%d of %d bytes were written: %v", done, n, err)
					return
				}
				p = p[n:]
			}
		})
		work.Go(func() {
			r := rand.New(rand.NewPCG(uint64(seed), 1))
			var got []byte
			for len(got) < len(sent) {
				in := &intake{space: make([]byte, 1+r.IntN(1<<r.IntN(18)))}
				if err := to.Read(in); err != nil {
					t.Errorf("after %d bytes: %v", len(got), err)
					return
				}
				got = append(got, in.space[:in.got]...)
			}
			if !bytes.Equal(got, sent) {
				t.Error("the bytes that came are not those that were sent")
			}
		})
	}
	transfer(1, a, b)
	transfer(2, b, a)
	a.within("transfer", work.Wait)
}

func neverWaits(t *testing.T, _ Kind, a, _ *end) {
	p := noise(3, 64<<10)
	written, full := 0, false
	a.within("write", func() {
		for range 4 * Room / len(p) {
			n, err := a.write(p)
			if err != nil {
				t.Errorf("a full socket is no error: %v", err)
				return
			}
			written += n
			full = full || n < len(p)
		}
	})
	if !full || written >= Room {
		t.Errorf("it took %d bytes that nobody reads, and said that it is full: %v", written, full)
	}
}

func writeNothing(t *testing.T, _ Kind, a, b *end) {
	for _, p := range [][]byte{nil, {}} {
		if n, err := a.write(p); n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	a.mustWrite([]byte("something"))
	b.mustRead([]byte("something"))
}

func roomAgain(t *testing.T, _ Kind, a, b *end) {
	sent := noise(4, Room)
	w := a.begin(sent)
	b.mustRead(sent) // more than there is room for, so the writer has waited
	if n, err := w.result(); n != Room || err != nil {
		t.Errorf("%d bytes were written: %v", n, err)
	}
}

func deadlineEndsWriting(t *testing.T, _ Kind, a, _ *end) {
	at := time.Now().Add(50 * time.Millisecond)
	a.WriteDeadline(at)
	if n, _ := a.begin(noise(5, Room)).result(); n >= Room {
		t.Errorf("%d bytes were written, and nobody reads", n)
	}
	if time.Now().Before(at) {
		t.Error("it ended before its deadline")
	}
}

func lateEndsWriting(t *testing.T, _ Kind, a, _ *end) {
	w := a.begin(noise(6, Room))
	w.stuck(t)
	a.WriteDeadline(ws.LongAgo)
	if n, _ := w.result(); n >= Room {
		t.Errorf("%d bytes were written, and nobody reads", n)
	}
}

func writingAfterDeadline(t *testing.T, k Kind, a, b *end) {
	if k.Sealed {
		t.Skip("a record that was begun cannot be taken up again")
	}
	sent := noise(7, Room)
	w := a.begin(sent)
	w.stuck(t)
	a.WriteDeadline(ws.LongAgo)
	n, err := w.result()
	if err != nil {
		t.Fatal(err)
	}
	a.WriteDeadline(time.Time{})
	w = a.begin(sent[n:])
	b.mustRead(sent)
	if more, err := w.result(); n+more != Room || err != nil {
		t.Errorf("%d and %d bytes were written: %v", n, more, err)
	}
}

func closeEndsWriting(t *testing.T, _ Kind, a, _ *end) {
	w := a.begin(noise(8, Room))
	w.stuck(t)
	a.close(true)
	if n, _ := w.result(); n >= Room {
		t.Errorf("%d bytes were written, and nobody reads", n)
	}
}

func otherCloseEndsWriting(t *testing.T, _ Kind, a, b *end) {
	w := a.begin(noise(9, Room))
	w.stuck(t)
	b.close(false) // with bytes unread
	if n, err := w.result(); err == nil {
		t.Errorf("%d bytes were written, and nobody is there", n)
	}
}

func writesFail(t *testing.T, _ Kind, a, b *end) {
	b.close(false)
	a.mustFail()
	a.within("wait for room", func() { _, _ = a.writeAll([]byte("hello?")) })
}

// A writing is a write that waits for room.
type writing struct {
	e    *end
	done chan struct{}
	n    int
	err  error

	mu    sync.Mutex
	sofar int
}

func (e *end) begin(p []byte) *writing {
	w := &writing{e: e, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		e.WhenWritable(func() bool {
			n, err := e.write(p[w.n:])
			w.n, w.err = w.n+n, err
			w.mu.Lock()
			defer w.mu.Unlock()
			w.sofar = w.n
			return err != nil || w.n == len(p)
		})
	}()
	return w
}

// stuck waits until the writing has filled the socket, as far as it can be seen from outside: it has begun, and then nothing moves
// for a moment. What is tested must hold even if it moves on.
func (w *writing) stuck(t *testing.T) {
	t.Helper()
	before, still := -1, 0
	for until := time.Now().Add(patience); still < 5; time.Sleep(2 * time.Millisecond) {
		w.mu.Lock()
		now := w.sofar
		w.mu.Unlock()
		if now > 0 && now == before {
			still++
		} else {
			still = 0
		}
		before = now
		if time.Now().After(until) {
			t.Fatal("the writer does not come to a stop")
		}
	}
}

func (w *writing) result() (int, error) {
	w.e.t.Helper()
	w.e.await("wait for room", w.done)
	return w.n, w.err
}
