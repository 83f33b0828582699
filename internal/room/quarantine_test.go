package room

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/symphony-rtc/symphony/protocol"
)

// damagedStore has a room that cannot be opened; what can be read of it is an update of client 7, followed by one that is
// none.
func damagedStore(t *testing.T) *slowStore {
	store := newSlowStore(t)
	store.refuse = fmt.Errorf("simulated: %w", ErrCorrupt)
	store.salvaged = &Stored{Epoch: 3, Generation: 2, LastSeq: 9, Journal: [][]byte{letter(7), {1, 1}}}
	return store
}

func (s *slowStore) repair() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = nil
	s.sim.rows[1], s.sim.last = letter(7), 1
}

func TestQ_READONLY(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		visits := &visitLog{}
		h := NewHost(damagedStore(t), Options{Visits: visits})
		var a, b recorder
		sa, sb := join(t, h, &a, JoinOptions{Symphony: true}), join(t, h, &b, JoinOptions{})
		got := a.take()
		if hello := got[0]; hello[0] != byte(protocol.TypeHello) || !bytes.Equal(hello[2+int(hello[1]):][:2], []byte{2, 0}) {
			t.Errorf("hello % x, want generation 2, read only", hello)
		}
		if !bytes.Equal(got[1], []byte{0, 0, 3, 1, 7, 1}) {
			t.Errorf("step 1 % x", got[1])
		}
		b.take()
		if err := receive(sa, 0, 0, 1, 0); err != nil {
			t.Error(err)
		}
		if got := a.take(); len(got) != 1 || !bytes.Equal(got[0], append([]byte{0, 1}, updateMessage(letter(7))[2:]...)) {
			t.Errorf("step 2 % x", got)
		}
		if err := receive(sa, append([]byte{0, 1}, updateMessage(letter(3))[2:]...)...); err != nil {
			t.Errorf("sync step 2: %v", err)
		}
		if err := receive(sa, presenceMessage(5, 1, `{}`)...); err != nil {
			t.Error(err)
		}
		if got := b.take(); len(got) != 1 || !bytes.Equal(got[0], presenceMessage(5, 1, `{}`)) {
			t.Errorf("presence: % x", got)
		}
		if err := receive(sa, initialMessage(letter(4))...); err != nil {
			t.Error(err)
		}
		if answer, _ := answers(a.take(), nil); !bytes.Equal(answer, []byte{0}) {
			t.Errorf("initial content: answers %v", answer)
		}
		wantCode(t, receive(sa, updateMessage(letter(3))...), protocol.CloseUnavailable)
		if err := <-editing(h, letter(9)); err == nil {
			t.Error("a damaged room was edited")
		}
		if err := h.Flush(t.Context(), "room"); err != nil {
			t.Error(err)
		}
		if info, _ := h.Info("room"); info.Error == "" || h.Health() != nil {
			t.Errorf("info %+v, health %v: the room's trouble is not the host's", info, h.Health())
		}
		sa.Leave()
		sb.Leave()
		time.Sleep(time.Minute)
		if _, ok := h.Info("room"); ok {
			t.Error("a damaged room outlives its members")
		}
		if len(visits.joined) > 0 {
			t.Error("visits of a damaged room are recorded")
		}
		mustClose(t, h)
	})
}

func TestQ_REPAIRED(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := damagedStore(t)
		h := NewHost(store, Options{})
		var a recorder
		s := join(t, h, &a, JoinOptions{})
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if a.code() != 0 || store.opened < 3 {
			t.Errorf("closed with %d after %d looks", a.code(), store.opened)
		}
		store.repair()
		time.Sleep(lookEvery + tickEvery)
		synctest.Wait()
		if a.code() != protocol.CloseRestarting {
			t.Errorf("closed with %d", a.code())
		}
		s.Leave()
		s = join(t, h, &a, JoinOptions{})
		if err := receive(s, updateMessage(letter(3))...); err != nil {
			t.Error(err)
		}
		s.Leave()
		mustCommitAndClose(t, h)
	})
}

func TestQuarantineOfWhatTheStoreThinksIsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := damagedStore(t)
		store.refuse = nil
		store.sim.rows[1], store.sim.last = []byte{1, 1}, 1 // passes the store's checks, and is no update
		h := NewHost(store, Options{})
		var a recorder
		s := join(t, h, &a, JoinOptions{})
		time.Sleep(5 * time.Minute)
		if a.code() != 0 {
			t.Errorf("closed with %d, as if it had been repaired", a.code())
		}
		s.Leave()
		mustClose(t, h)
	})
}

func TestQuarantineEndsByEvictionDeletionAndClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := damagedStore(t)
		h := NewHost(store, Options{})
		var a recorder
		s := join(t, h, &a, JoinOptions{})
		store.mu.Lock()
		store.refuse = ErrDeleted
		store.mu.Unlock()
		time.Sleep(lookEvery + tickEvery)
		synctest.Wait()
		if a.code() != protocol.CloseDeleted {
			t.Errorf("closed with %d", a.code())
		}
		s.Leave()
		store.mu.Lock()
		store.refuse = fmt.Errorf("simulated: %w", ErrCorrupt)
		store.mu.Unlock()
		join(t, h, &recorder{}, JoinOptions{}).Leave()
		if err := h.Evict(t.Context(), "room", errEvicted); err != nil {
			t.Error(err)
		}
		join(t, h, &recorder{}, JoinOptions{}).Leave()
		mustClose(t, h)
	})
}

func TestDamagedRoomOfWhichNothingIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := damagedStore(t)
		store.salvaged = nil
		h := NewHost(store, Options{})
		_, err := h.Join(t.Context(), "room", &recorder{}, JoinOptions{})
		wantCode(t, err, protocol.CloseUnavailable)
		mustClose(t, h)
	})
}
