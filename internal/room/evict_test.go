package room

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/symphony-rtc/symphony/protocol"
)

var errEvicted = protocol.Closef(protocol.CloseRestarting, "evicted")

// joining runs Host.Join in a goroutine; the channel gets the session, nil if there is none.
func joining(h *Host, m Member) <-chan *Session {
	done := make(chan *Session, 1)
	go func() {
		s, _ := h.Join(context.Background(), "room", m, JoinOptions{Symphony: true})
		done <- s
	}()
	return done
}

func TestEvictMakesJoinersWaitAndThenOpensAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{})
		var a, b recorder
		s := join(t, h, &a, JoinOptions{Symphony: true})
		if err := receive(s, updateMessage(letter(3))...); err != nil {
			t.Fatal(err)
		}
		evicted := make(chan error, 1)
		go func() { evicted <- h.Evict(context.Background(), "room", errEvicted) }()
		synctest.Wait()
		if a.closed != protocol.CloseRestarting {
			t.Errorf("the member was closed with %d", a.closed)
		}
		again := joining(h, &b)
		edited := editing(h, letter(9))
		time.Sleep(time.Second)
		if len(b.take()) > 0 || len(evicted)+len(edited) > 0 {
			t.Error("somebody was let in before the room was gone")
		}
		s.Leave()
		time.Sleep(time.Second)
		if len(b.take()) > 0 || len(evicted) > 0 {
			t.Error("gone before its update was durable and stored")
		}
		store.commit()
		if err := <-evicted; err != nil {
			t.Error(err)
		}
		s = <-again
		if got := b.take(); !bytes.HasSuffix(got[1], []byte{3, 1}) || store.sim.epoch != 2 {
			t.Errorf("greeted with % x in epoch %d", got, store.sim.epoch)
		}
		synctest.Wait()
		store.commit()
		if err := <-edited; err != nil {
			t.Error(err)
		}
		s.Leave()
		mustClose(t, h)
	})
}

func TestEvictThatIsGivenUpLetsTheRoomGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{})
		var a, b recorder
		s := join(t, h, &a, JoinOptions{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		(<-joining(h, &b)).Leave() // before: let in
		again := make(chan *Session, 1)
		go func() {
			time.Sleep(time.Second / 2)
			again <- <-joining(h, &b)
		}()
		if err := h.Evict(ctx, "room", errEvicted); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Evict: %v", err)
		}
		if s := <-again; s == nil {
			t.Error("who waited is not let in")
		} else {
			s.Leave()
		}
		s.Leave()
		mustClose(t, h)
	})
}

func TestEvictThatIsGivenUpWhileTheRoomIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHost(newSlowStore(t), Options{})
		join(t, h, &recorder{}, JoinOptions{}).Leave()
		r := h.get("room")
		r.mu.Lock()
		r.phase, r.evicting = releasing, errEvicted
		r.mu.Unlock()
		r.stay()
		r.mu.Lock()
		r.phase = open // the release failed
		r.admit()
		r.mu.Unlock()
		s := <-joining(h, &recorder{})
		if s == nil {
			t.Fatal("nobody is let in any more")
		}
		s.Leave()
		mustClose(t, h)
	})
}

func TestEvictOfWhatIsNotOpenOrLoading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{})
		if err := h.Evict(t.Context(), "room", errEvicted); err != nil {
			t.Error(err)
		}
		store.gate = make(chan struct{})
		var a recorder
		joined := joining(h, &a)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.Evict(ctx, "room", errEvicted); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Evict: %v", err)
		}
		go func() { // the one who joined is closed, by the eviction or with a room opened after it, and leaves
			s := <-joined
			for a.code() == 0 {
				time.Sleep(time.Millisecond)
			}
			s.Leave()
		}()
		time.AfterFunc(time.Second, func() { close(store.gate) })
		if err := h.Evict(t.Context(), "room", errEvicted); err != nil {
			t.Error(err)
		}
		mustClose(t, h)
	})
}

func (m *recorder) code() protocol.CloseCode {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed
}

func TestEvictTriesAtOnceWhatFailedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{SnapshotEvery: time.Second})
		s := join(t, h, &recorder{}, JoinOptions{})
		if err := receive(s, updateMessage(letter(3))...); err != nil {
			t.Fatal(err)
		}
		store.commit()
		store.set(true)
		time.Sleep(10 * time.Minute) // the pauses between tries have grown to a minute
		s.Leave()
		store.set(false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.Evict(ctx, "room", errEvicted); err != nil {
			t.Error(err)
		}
		mustClose(t, h)
	})
}

func TestCloseDuringEvict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{})
		s := join(t, h, &recorder{}, JoinOptions{})
		if err := receive(s, updateMessage(letter(3))...); err != nil {
			t.Fatal(err)
		}
		evicted := make(chan error, 1)
		go func() { evicted <- h.Evict(context.Background(), "room", errEvicted) }()
		var b recorder
		waiting := joining(h, &b)
		time.AfterFunc(time.Second, s.Leave)
		time.AfterFunc(2*time.Second, store.commit)
		mustClose(t, h)
		if err := <-evicted; err != nil {
			t.Error(err)
		}
		if s := <-waiting; s != nil {
			t.Error("joined a host that ended")
		}
		if store.sim.snapshot == nil {
			t.Error("the room was not stored")
		}
	})
}

func TestCloseThatGivesUpAnswersWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		store.sim.rows[1], store.sim.last = letter(7), 1
		h := NewHost(store, Options{})
		var a recorder
		s := join(t, h, &a, JoinOptions{})
		edited := editing(h, letter(9))
		flushed := make(chan error, 1)
		synctest.Wait()
		go func() { flushed <- h.Flush(context.Background(), "room") }()
		evicted := make(chan error, 1)
		go func() { evicted <- h.Evict(context.Background(), "room", errEvicted) }()
		synctest.Wait()
		waiting := joining(h, &recorder{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
		wantCode(t, <-edited, protocol.CloseRestarting)
		wantCode(t, <-flushed, protocol.CloseRestarting)
		if err := <-evicted; err != nil {
			t.Error(err)
		}
		if s := <-waiting; s != nil {
			t.Error("joined a host that ended")
		}
		wantCode(t, receive(s, updateMessage(letter(3))...), protocol.CloseRestarting)
		s.Leave()
		store.commit() // and nobody is there to hear of it
	})
}

func TestHoldKeepsTheRoomClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{})
		done, held := make(chan struct{}), make(chan error, 2)
		hold := func() { held <- h.Hold(context.Background(), "room", errEvicted, func() error { <-done; return nil }) }
		go hold()
		go hold() // one after the other
		synctest.Wait()
		var a recorder
		waiting := joining(h, &a)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := h.Join(ctx, "room", &recorder{}, JoinOptions{})
		wantCode(t, err, protocol.CloseUnavailable)
		if err := h.Hold(ctx, "room", errEvicted, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Hold: %v", err)
		}
		if len(a.take()) > 0 || store.opened > 0 {
			t.Error("opened while it was held")
		}
		close(done)
		left := make(chan struct{})
		go func() { // it may be let in between the two, and then the second has to wait until it has left
			defer close(left)
			(<-waiting).Leave()
		}()
		for range 2 {
			if err := <-held; err != nil {
				t.Error(err)
			}
		}
		<-left
		mustClose(t, h)
	})
}

func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{SnapshotEvery: time.Hour})
		if err := h.Flush(t.Context(), "room"); err != nil {
			t.Error(err)
		}
		s := join(t, h, &recorder{}, JoinOptions{})
		if err := h.Flush(t.Context(), "room"); err != nil || store.sim.snapshot != nil {
			t.Errorf("nothing to store: %v", err)
		}
		if err := receive(s, updateMessage(letter(3))...); err != nil {
			t.Fatal(err)
		}
		flush := func() <-chan error {
			done := make(chan error, 1)
			go func() { done <- h.Flush(context.Background(), "room") }()
			synctest.Wait()
			return done
		}
		done := flush()
		if len(done) > 0 {
			t.Error("done before the update is durable")
		}
		store.commit()
		if err := <-done; err != nil || store.sim.through != 1 {
			t.Errorf("through %d: %v", store.sim.through, err)
		}
		if err := receive(s, updateMessage(letter(4))...); err != nil {
			t.Fatal(err)
		}
		store.commit()
		store.set(true)
		if err := <-flush(); err == nil {
			t.Error("Flush does not say that storing failed")
		}
		store.set(false)
		if err := <-flush(); err != nil || store.sim.through != 2 { // asked for during the pause after the failure
			t.Errorf("through %d: %v", store.sim.through, err)
		}
		s.Leave()
		mustClose(t, h)
	})
}

func TestDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		store.refuse = ErrDeleted
		h := NewHost(store, Options{})
		_, err := h.Join(t.Context(), "room", &recorder{}, JoinOptions{})
		wantCode(t, err, protocol.CloseDeleted)
		wantCode(t, <-editing(h, letter(9)), protocol.CloseDeleted)
		if h.Stats().StoreErrors.Load() > 0 {
			t.Error("that is no failure of storage")
		}
		store.refuse = nil // restored
		join(t, h, &recorder{}, JoinOptions{}).Leave()
		mustClose(t, h)
	})
}

func TestRoomThatWasLostWhileItWasLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		store.gate = make(chan struct{})
		h := NewHost(store, Options{})
		joined := make(chan error, 1)
		go func() {
			_, err := h.Join(context.Background(), "room", &recorder{}, JoinOptions{})
			joined <- err
		}()
		synctest.Wait()
		h.get("room").Fenced()
		close(store.gate)
		wantCode(t, <-joined, protocol.CloseMoved)
		join(t, h, &recorder{}, JoinOptions{}).Leave()
		mustClose(t, h)
	})
}

// TestM_LAST: who is sent away because the room moves is told first what the room had, once.
func TestM_LAST(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHost(newSlowStore(t), Options{})
		m := &recorder{}
		s := join(t, h, m, JoinOptions{})
		m.take()
		gone := make(chan error)
		go func() { gone <- h.Evict(t.Context(), "room", protocol.Closef(protocol.CloseMoved, "elsewhere")) }()
		synctest.Wait()
		time.Sleep(20 * evictPoll)
		if got := m.take(); len(got) != 1 || !bytes.Equal(got[0], []byte{0, 0, 1, 0}) {
			t.Errorf("before it was closed the member was sent %v", got)
		}
		s.Leave()
		if err := <-gone; err != nil {
			t.Fatal(err)
		}
		mustClose(t, h)
	})
}
