package sockettest

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
)

func lateWakesReader(t *testing.T, _ Kind, a, _ *end) {
	waiting := a.wait()
	a.ReadDeadline(ws.LongAgo)
	if err := a.result(waiting); !ws.IsDeadline(err) {
		t.Errorf("the reader ends with %v", err)
	}
	if _, err := a.read(1); !ws.IsDeadline(err) {
		t.Errorf("the next ends with %v", err)
	}
}

func deadlineWakesReader(t *testing.T, _ Kind, a, _ *end) {
	at := time.Now().Add(50 * time.Millisecond)
	a.ReadDeadline(at)
	if _, err := a.read(1); !ws.IsDeadline(err) {
		t.Errorf("the reader ends with %v", err)
	}
	if time.Now().Before(at) {
		t.Error("it ended before its deadline")
	}
}

func readingAfterDeadline(t *testing.T, _ Kind, a, b *end) {
	waiting := a.wait()
	a.ReadDeadline(ws.LongAgo)
	if err := a.result(waiting); !ws.IsDeadline(err) {
		t.Errorf("the reader ends with %v", err)
	}
	b.mustWrite([]byte("later"))
	a.ReadDeadline(time.Time{})
	a.mustRead([]byte("later"))
}

func noDeadline(t *testing.T, _ Kind, a, b *end) {
	a.ReadDeadline(time.Now().Add(50 * time.Millisecond))
	a.ReadDeadline(time.Time{})
	b.ReadDeadline(time.Now().Add(100 * time.Millisecond)) // a's would come before it
	waiting := a.wait()
	if _, err := b.read(1); !ws.IsDeadline(err) {
		t.Errorf("the other side ends with %v", err)
	}
	b.mustWrite([]byte("x"))
	if err := a.result(waiting); err != nil {
		t.Error(err)
	}
}

func parks(t *testing.T, _ Kind, a, b *end) {
	waiting := a.wait() // returns only if it parks
	b.mustWrite([]byte("x"))
	if err := a.result(waiting); err != nil {
		t.Error(err)
	}
}

func halfClose(t *testing.T, _ Kind, a, b *end) {
	a.mustWrite([]byte("all I have"))
	a.CloseWrite()
	b.mustRead([]byte("all I have"))
	b.mustEnd()
	b.mustEnd()
	sent := noise(10, 1<<20)
	w := b.begin(sent)
	a.mustRead(sent)
	if n, err := w.result(); n != len(sent) || err != nil {
		t.Errorf("%d bytes were written: %v", n, err)
	}
	b.CloseWrite()
	a.mustEnd()
}

func closeDelivers(t *testing.T, _ Kind, a, b *end) {
	sent := noise(11, 50_000)
	a.mustWrite(sent)
	a.close(false)
	if got, err := b.readUntil(); err != io.EOF || !bytes.Equal(got, sent) {
		t.Errorf("%d of %d bytes came, then %v", len(got), len(sent), err)
	}
}

func reset(t *testing.T, k Kind, a, b *end) {
	sent := noise(12, 50_000)
	a.mustWrite(sent)
	b.mustRead(sent[:1000])
	waiting := a.wait()
	a.close(true)
	if err := a.result(waiting); err == nil {
		t.Error("the own reader does not fail")
	}
	// How soon the other side learns of it differs. Where bytes are dropped it has to know before it reads; TCP tells only once.
	if k.Reset == ResetDrops {
		b.mustFail()
	}
	got, err := b.readUntil()
	if len(got) > 0 && (k.Reset == ResetDrops || !bytes.HasPrefix(sent[1000:], got)) {
		t.Errorf("%d bytes came", len(got))
	}
	if ws.IsDeadline(err) || err == io.EOF && k.Reset != ResetEnds {
		t.Errorf("the other side's reader ends with %v", err)
	}
	b.mustFail()
}

func closeWakesReader(t *testing.T, _ Kind, a, b *end) {
	waiting, other := a.wait(), b.wait()
	a.close(false)
	if err := a.result(waiting); err == nil || ws.IsDeadline(err) {
		t.Errorf("the own reader ends with %v", err)
	}
	if err := b.result(other); err != io.EOF {
		t.Errorf("the other side's reader ends with %v", err)
	}
}

// awaitHangUp begins to wait for a hang-up.
func (e *end) awaitHangUp() <-chan bool {
	gone := make(chan bool, 1)
	go func() { gone <- e.AwaitHangUp() }()
	return gone
}

func (e *end) mustTell(gone <-chan bool, want bool) {
	e.t.Helper()
	select {
	case got := <-gone:
		if got != want {
			e.t.Errorf("the other side has hung up: %v, want %v", got, want)
		}
	case <-time.After(patience):
		e.t.Fatal("the wait for a hang-up does not end")
	}
}

func hangUp(t *testing.T, k Kind, a, b *end) {
	gone := a.awaitHangUp()
	b.CloseWrite()
	a.mustTell(gone, !k.Sealed)
	a.mustTell(a.awaitHangUp(), !k.Sealed) // it stays so
	a.mustEnd()
}

func hangUpBehindBytes(t *testing.T, k Kind, a, b *end) {
	b.mustWrite([]byte("goodbye"))
	b.CloseWrite()
	a.ReadDeadline(time.Now().Add(50 * time.Millisecond))
	a.mustTell(a.awaitHangUp(), false)
	a.ReadDeadline(time.Time{})
	a.mustRead([]byte("goodbye"))
	a.mustTell(a.awaitHangUp(), !k.Sealed)
}

func lateHangUp(t *testing.T, _ Kind, a, b *end) {
	gone := a.awaitHangUp()
	a.ReadDeadline(ws.LongAgo)
	a.mustTell(gone, false)
	a.ReadDeadline(time.Time{})
	b.mustWrite([]byte("still here"))
	a.mustRead([]byte("still here"))
}

func closeEndsHangUp(t *testing.T, _ Kind, a, _ *end) {
	gone := a.awaitHangUp()
	a.close(false)
	a.mustTell(gone, false)
}
