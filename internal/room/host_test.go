package room

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// slowStore is a simStore for goroutines: it commits when told to, and opening waits for gate.
type slowStore struct {
	mu       sync.Mutex
	sim      simStore
	gate     chan struct{}
	refuse   error   // what Open fails with
	salvaged *Stored // what Salvage finds
	opened   int     // calls of Open
}

func newSlowStore(t *testing.T) *slowStore {
	s := &slowStore{sim: simStore{t: t, rows: make(map[uint64][]byte)}, gate: make(chan struct{})}
	close(s.gate)
	return s
}

func (s *slowStore) Open(ctx context.Context, id string, events JournalEvents) (Handle, Stored, error) {
	select {
	case <-s.gate:
	case <-ctx.Done():
		return nil, Stored{}, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	if s.refuse != nil {
		return nil, Stored{}, s.refuse
	}
	h, stored, err := s.sim.Open(ctx, id, events)
	return slowHandle{s, h}, stored, err
}

func (s *slowStore) Salvage(ctx context.Context, id string) (Stored, error) {
	if s.salvaged != nil {
		return *s.salvaged, nil
	}
	return s.sim.Salvage(ctx, id)
}

func (s *slowStore) Backlog() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sim.Backlog()
}

// slowHandle is a simHandle for many goroutines.
type slowHandle struct {
	store *slowStore
	Handle
}

func (h slowHandle) Append(seq uint64, update []byte) {
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	h.Handle.Append(seq, update)
}

func (h slowHandle) Backlog() int {
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	return h.Handle.Backlog()
}

func (h slowHandle) Save(ctx context.Context, through uint64, snapshot []byte) error {
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	return h.Handle.Save(ctx, through, snapshot)
}

func (h slowHandle) Release(ctx context.Context) error {
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	return h.Handle.Release(ctx)
}

func (s *slowStore) set(fail bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sim.fail = fail
}

func (s *slowStore) commit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.sim.current; h != nil {
		h.commit(len(h.pending))
	}
}

// recorder is a Member that remembers what it was sent.
type recorder struct {
	mu     sync.Mutex
	frames [][]byte // payloads
	closed protocol.CloseCode
	panics bool
	probed int
}

func (m *recorder) Send(frame []byte, _ bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.panics {
		panic("simulated fault")
	}
	at := 2
	switch frame[1] {
	case 126:
		at = 4
	case 127:
		at = 10
	}
	m.frames = append(m.frames, bytes.Clone(frame[at:]))
}

// fault makes it panic from now on.
func (m *recorder) fault() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.panics = true
}

func (m *recorder) Probe() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.probed++
}

func (m *recorder) Close(code protocol.CloseCode, _ string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = code
}

// take returns what was sent since the last call.
func (m *recorder) take() [][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	frames := m.frames
	m.frames = nil
	return frames
}

func receive(s *Session, payload ...byte) error {
	buf := append(make([]byte, protocol.HeaderRoom), payload...)
	return s.Receive(protocol.FrameAt(buf, protocol.HeaderRoom, len(buf)))
}

// letter is an update by which a client inserts one letter as the first thing it does.
func letter(client byte) []byte { return []byte{1, 1, client, 0, 4, 1, 1, 't', 1, 'x', 0} }

func updateMessage(update []byte) []byte {
	return append([]byte{0, 2, byte(len(update))}, update...)
}

func presenceMessage(client, clock byte, state string) []byte {
	b := []byte{1, byte(4 + len(state)), 1, client, clock, byte(len(state))}
	return append(b, state...)
}

func join(t *testing.T, h *Host, m Member, o JoinOptions) *Session {
	t.Helper()
	s, err := h.Join(t.Context(), "room", m, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wantCode(t *testing.T, err error, code protocol.CloseCode) {
	t.Helper()
	var why *protocol.CloseError
	if !errors.As(err, &why) || why.Code != code {
		t.Errorf("error %v, want close code %d", err, code)
	}
}

func mustClose(t *testing.T, h *Host) {
	t.Helper()
	if err := h.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestS_BARRIER(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		store.sim.rows[1], store.sim.last = letter(7), 1
		store.gate = make(chan struct{})
		h := NewHost(store, Options{})
		var a, b recorder
		var sessions sync.WaitGroup
		for _, m := range []*recorder{&a, &b} {
			sessions.Go(func() { join(t, h, m, JoinOptions{}).Leave() })
		}
		synctest.Wait()
		if len(a.take())+len(b.take()) > 0 {
			t.Error("something was sent before the room was loaded")
		}
		close(store.gate)
		sessions.Wait()
		for _, m := range []*recorder{&a, &b} {
			if got := m.take(); len(got) != 1 || !bytes.Equal(got[0], []byte{0, 0, 3, 1, 7, 1}) {
				t.Errorf("greeting % x, want sync step 1 with the loaded document", got)
			}
		}
		mustClose(t, h)
	})
}

func TestLoadingOneRoomDoesNotDelayAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		store.gate = make(chan struct{})
		h := NewHost(store, Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := h.Join(ctx, "slow", &recorder{}, JoinOptions{})
		wantCode(t, err, protocol.CloseUnavailable)
		close(store.gate)
		join(t, h, &recorder{}, JoinOptions{}).Leave()
		mustClose(t, h)
	})
}

func TestLoadFailureIsToldAndRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		store.set(true)
		h := NewHost(store, Options{})
		_, err := h.Join(t.Context(), "room", &recorder{}, JoinOptions{})
		wantCode(t, err, protocol.CloseUnavailable)
		store.set(false)
		join(t, h, &recorder{}, JoinOptions{}).Leave()
		mustClose(t, h)
	})
}

func TestP_DROP_othersAreToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHost(newSlowStore(t), Options{})
		var a, b recorder
		sa, sb := join(t, h, &a, JoinOptions{}), join(t, h, &b, JoinOptions{})
		if err := receive(sa, presenceMessage(5, 1, `{}`)...); err != nil {
			t.Fatal(err)
		}
		b.take()
		a.take()
		sa.Leave()
		if got := b.take(); len(got) != 1 || !bytes.Equal(got[0], presenceMessage(5, 1, `null`)) {
			t.Errorf("told % x", got)
		}
		if len(a.take()) > 0 {
			t.Error("the member that left was sent something")
		}
		sb.Leave()
		mustClose(t, h)
	})
}

func TestP_OWNER_halfDeadConnectionIsProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHost(newSlowStore(t), Options{})
		var old, again, b recorder
		so, sb := join(t, h, &old, JoinOptions{}), join(t, h, &b, JoinOptions{})
		sa := join(t, h, &again, JoinOptions{})
		for _, said := range []struct {
			s     *Session
			clock byte
		}{{so, 3}, {sa, 3}, {sa, 4}} {
			if err := receive(said.s, presenceMessage(5, said.clock, `{}`)...); err != nil {
				t.Fatal(err)
			}
		}
		if old.probed == 0 || b.probed+again.probed > 0 {
			t.Errorf("probed: %d, others %d", old.probed, b.probed+again.probed)
		}
		so.Leave()
		sa.Leave()
		sb.Leave()
		mustClose(t, h)
	})
}

func TestP_OUTDATED_membersAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHost(newSlowStore(t), Options{})
		var a recorder
		s := join(t, h, &a, JoinOptions{})
		if err := receive(s, presenceMessage(5, 1, `{}`)...); err != nil {
			t.Fatal(err)
		}
		a.take()
		time.Sleep(40 * time.Second)
		synctest.Wait()
		if got := a.take(); len(got) != 1 || !bytes.Equal(got[0], presenceMessage(5, 1, `null`)) {
			t.Errorf("told % x", got)
		}
		s.Leave()
		mustClose(t, h)
	})
}

func TestM_MALFORMED_harmsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHost(newSlowStore(t), Options{})
		var a, b recorder
		sa, sb := join(t, h, &a, JoinOptions{}), join(t, h, &b, JoinOptions{})
		a.take()
		b.take()
		for _, payload := range [][]byte{{}, {9}, {0, 2, 1}, {0, 2, 3, 1, 1, 1}, {0, 0, 2, 9, 9}, presenceMessage(1, 1, `{`)} {
			wantCode(t, receive(sa, payload...), protocol.CloseBadMessage)
		}
		if len(b.take()) > 0 {
			t.Error("a malformed message was relayed")
		}
		if err := receive(sb, updateMessage(letter(3))...); err != nil {
			t.Error(err)
		}
		sa.Leave()
		sb.Leave()
		if h.Stats().Malformed.Load() != 6 {
			t.Errorf("%d malformed messages counted", h.Stats().Malformed.Load())
		}
		mustCommitAndClose(t, h)
	})
}

// mustCommitAndClose closes a host whose store commits only when told to.
func mustCommitAndClose(t *testing.T, h *Host) {
	t.Helper()
	h.store.(*slowStore).commit()
	mustClose(t, h)
}

func TestS_DUPLICATE(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{})
		var a, b recorder
		sa, sb := join(t, h, &a, JoinOptions{Symphony: true}), join(t, h, &b, JoinOptions{})
		for range 3 {
			if err := receive(sa, updateMessage(letter(3))...); err != nil {
				t.Fatal(err)
			}
		}
		b.take()
		a.take()
		if n := len(store.sim.current.pending); n != 1 {
			t.Errorf("%d updates journalled, want 1", n)
		}
		if err := receive(sb, updateMessage(letter(3))...); err != nil {
			t.Fatal(err)
		}
		if len(a.take()) > 0 {
			t.Error("D-AFTER: acknowledged before it is durable")
		}
		store.commit()
		if got := a.take(); len(got) != 1 || !bytes.Equal(got[0], []byte{101, 3}) {
			t.Errorf("got % x, want one durable message for all three (D-COUNT, D-MERGE)", got)
		}
		if got := b.take(); len(got) > 0 {
			t.Errorf("a plain client got % x", got)
		}
		sa.Leave()
		sb.Leave()
		mustClose(t, h)
	})
}

func TestE_RELAY(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHost(newSlowStore(t), Options{})
		var a, b, plain recorder
		sa, sb := join(t, h, &a, JoinOptions{Symphony: true}), join(t, h, &b, JoinOptions{Symphony: true})
		sp := join(t, h, &plain, JoinOptions{})
		if err := receive(sb, presenceMessage(7, 1, `{}`)...); err != nil {
			t.Fatal(err)
		}
		for _, m := range []*recorder{&a, &b, &plain} {
			m.take()
		}
		event := []byte{102, 5, 1, '1'}
		if err := receive(sa, append(event, 99)...); err != nil { // P-TRAILING
			t.Fatal(err)
		}
		if got := b.take(); len(got) != 1 || !bytes.Equal(got[0], event) {
			t.Errorf("the other got % x, want % x", got, event)
		}
		if err := receive(sa, 102, 7, 1, '1'); err != nil { // E-OWNER
			t.Fatal(err)
		}
		if err := receive(sa, 103, 1, 'x'); err != nil { // T-IGNORED
			t.Fatal(err)
		}
		for name, m := range map[string]*recorder{"sender": &a, "forged": &b, "plain": &plain} {
			if got := m.take(); len(got) > 0 {
				t.Errorf("%s: got % x", name, got)
			}
		}
		wantCode(t, receive(sp, event...), protocol.CloseBadMessage)
		for _, s := range []*Session{sa, sb, sp} {
			s.Leave()
		}
		mustClose(t, h)
	})
}

func TestS_READONLY(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHost(newSlowStore(t), Options{})
		s := join(t, h, &recorder{}, JoinOptions{ReadOnly: true})
		if err := receive(s, append([]byte{0, 1}, updateMessage(letter(3))[2:]...)...); err != nil {
			t.Errorf("step 2: %v", err)
		}
		wantCode(t, receive(s, updateMessage(letter(3))...), protocol.CloseForbidden)
		s.Leave()
		mustClose(t, h)
	})
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHost(newSlowStore(t), Options{MaxMembers: 1, MaxRooms: 1, MaxBacklog: 1})
		s := join(t, h, &recorder{}, JoinOptions{})
		_, err := h.Join(t.Context(), "room", &recorder{}, JoinOptions{})
		wantCode(t, err, protocol.CloseTooMany)
		_, err = h.Join(t.Context(), "another", &recorder{}, JoinOptions{})
		wantCode(t, err, protocol.CloseFull)
		for client := range byte(2) {
			if err := receive(s, updateMessage(letter(client))...); err != nil {
				t.Fatal(err)
			}
		}
		wantCode(t, receive(s, updateMessage(letter(9))...), protocol.CloseUnavailable)
		s.Leave()
		mustCommitAndClose(t, h)
	})
}

func TestDocumentOverItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHost(newSlowStore(t), Options{MaxDocument: 4096})
		var a, b recorder
		sa, sb := join(t, h, &a, JoinOptions{}), join(t, h, &b, JoinOptions{})
		b.take()
		big := append([]byte{1, 1, 7, 0, 4, 1, 1, 't', 0x80, 0x40}, bytes.Repeat([]byte("x"), 8192)...)
		big = append(big, 0)
		wantCode(t, receive(sa, append([]byte{0, 2, byte(len(big)&0x7f | 0x80), byte(len(big) >> 7)}, big...)...), protocol.CloseTooLarge)
		if len(b.take()) > 0 {
			t.Error("what was refused was relayed")
		}
		if err := receive(sb, updateMessage(letter(3))...); err != nil {
			t.Errorf("a small update: %v", err)
		}
		sa.Leave()
		sb.Leave()
		mustCommitAndClose(t, h)
	})
}

func TestPanicIsContainedInItsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{})
		var a, b recorder
		sa, sb := join(t, h, &a, JoinOptions{}), join(t, h, &b, JoinOptions{})
		b.panics = true
		wantCode(t, receive(sa, updateMessage(letter(3))...), protocol.CloseInternal)
		if b.closed != protocol.CloseInternal {
			t.Errorf("the others were closed with %d", b.closed)
		}
		store.commit() // the update was journalled before the fault
		sa.Leave()
		sb.Leave()
		var c recorder
		sc := join(t, h, &c, JoinOptions{})
		if got := c.take(); len(got) != 1 || !bytes.Equal(got[0], []byte{0, 0, 3, 1, 3, 1}) {
			t.Errorf("the reopened room greets with % x", got)
		}
		sc.Leave()
		mustClose(t, h)
	})
}

func TestCloseStoresEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{})
		var a recorder
		s := join(t, h, &a, JoinOptions{})
		if err := receive(s, updateMessage(letter(3))...); err != nil {
			t.Fatal(err)
		}
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			mustClose(t, h)
		}()
		synctest.Wait()
		if a.closed != protocol.CloseRestarting {
			t.Errorf("member closed with %d", a.closed)
		}
		_, err := h.Join(t.Context(), "room", &recorder{}, JoinOptions{})
		wantCode(t, err, protocol.CloseRestarting)
		s.Leave()
		store.commit()
		<-closed
		if store.sim.snapshot == nil || len(store.sim.rows) > 0 {
			t.Error("the room was not stored as a snapshot")
		}
	})
}

func TestCloseGivesUpWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{})
		s := join(t, h, &recorder{}, JoinOptions{})
		if err := receive(s, updateMessage(letter(3))...); err != nil {
			t.Fatal(err)
		}
		s.Leave()
		store.commit()
		store.set(true)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := h.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
	})
}

func TestBusyRoomDoesNotHoldUpTheJournal(t *testing.T) {
	h := NewHost(newSlowStore(t), Options{})
	var a recorder
	s := join(t, h, &a, JoinOptions{Symphony: true})
	if err := receive(s, updateMessage(letter(3))...); err != nil {
		t.Fatal(err)
	}
	a.take()
	s.room.mu.Lock()
	h.store.(*slowStore).commit() // would hang
	s.room.mu.Unlock()
	for len(a.take()) == 0 {
		time.Sleep(time.Millisecond)
	}
	s.Leave()
	mustClose(t, h)
}

func TestHealthSaysWhatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{SnapshotEvery: time.Second})
		s := join(t, h, &recorder{}, JoinOptions{})
		if err := h.Health(); err != nil {
			t.Errorf("healthy host: %v", err)
		}
		if err := receive(s, updateMessage(letter(3))...); err != nil {
			t.Fatal(err)
		}
		store.commit()
		store.set(true)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if err := h.Health(); err == nil {
			t.Error("snapshots fail and the host says it is healthy")
		}
		if info, ok := h.Info("room"); !ok || info.Error == "" || info.Members != 1 {
			t.Errorf("%+v", info)
		}
		store.set(false)
		time.Sleep(3 * maxBackoff)
		synctest.Wait()
		if err := h.Health(); err != nil {
			t.Errorf("after it works again: %v", err)
		}
		s.Leave()
		mustClose(t, h)
	})
}

func TestView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHost(newSlowStore(t), Options{})
		s := join(t, h, &recorder{}, JoinOptions{})
		if err := receive(s, updateMessage(letter(3))...); err != nil {
			t.Fatal(err)
		}
		var sv []byte
		if !h.View("room", func(doc *crdt.Doc) { sv = doc.StateVector() }) || !bytes.Equal(sv, []byte{1, 3, 1}) {
			t.Errorf("state vector % x", sv)
		}
		if h.View("other", func(*crdt.Doc) {}) {
			t.Error("a room that is not open has no view")
		}
		s.Leave()
		mustCommitAndClose(t, h)
	})
}
