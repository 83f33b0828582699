package room

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/protocol"
)

func initialMessage(update []byte) []byte {
	return append([]byte{byte(protocol.TypeInitial), byte(len(update))}, update...)
}

// answers returns what of some messages answers initial content, and how often an update is among them.
func answers(frames [][]byte, update []byte) (answers []byte, content int) {
	for _, frame := range frames {
		switch {
		case frame[0] == byte(protocol.TypeInitial):
			answers = append(answers, frame[1])
		case bytes.Equal(frame, updateMessage(update)):
			content++
		}
	}
	return answers, content
}

func TestI_ONCE_manyProposeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{})
		const n = 20
		members := make([]recorder, n)
		sessions := make([]*Session, n)
		for i := range members {
			sessions[i] = join(t, h, &members[i], JoinOptions{Symphony: true})
		}
		var group sync.WaitGroup
		for i, s := range sessions {
			group.Go(func() {
				if err := receive(s, initialMessage(letter(byte(i+1)))...); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if pending := store.sim.current.pending; len(pending) != 1 {
			t.Fatalf("%d proposals were journalled", len(pending))
		}
		taken := store.sim.current.pending[0].update
		for i := range members {
			if got := members[i].take(); len(got) > 2 { // hello and step 1
				t.Errorf("I-DURABLE: member %d got % x before the content was durable", i, got[2:])
			}
		}
		store.commit()
		synctest.Wait()
		winners := 0
		for i := range members {
			got := members[i].take()
			answer, content := answers(got, taken)
			if len(answer) != 1 || content != 1 || got[len(got)-1][0] != byte(protocol.TypeInitial) {
				t.Errorf("I-ORDER: member %d got % x, want the content and then the answer", i, got)
			} else if answer[0] == 1 {
				winners++
				if want := letter(byte(i + 1)); !bytes.Equal(taken, want) {
					t.Errorf("member %d is told that its content was taken; taken was % x", i, taken)
				}
			}
			sessions[i].Leave()
		}
		if winners != 1 {
			t.Errorf("%d were told that theirs was taken", winners)
		}
		mustClose(t, h)
	})
}

func TestI_ONCE_anyWriteIsFirst(t *testing.T) {
	for name, write := range map[string]func(t *testing.T, h *Host, s *Session){
		"an update": func(t *testing.T, _ *Host, s *Session) {
			if err := receive(s, updateMessage(letter(3))...); err != nil {
				t.Error(err)
			}
		},
		"sync step 2": func(t *testing.T, _ *Host, s *Session) {
			if err := receive(s, append([]byte{0, 1}, updateMessage(letter(3))[2:]...)...); err != nil {
				t.Error(err)
			}
		},
		"an edit by the server": func(t *testing.T, h *Host, _ *Session) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := h.Edit(ctx, "room", func(_ *crdt.Doc, blank bool) ([]byte, error) {
				if !blank {
					t.Error("the room should be blank")
				}
				return letter(3), nil
			})
			if !errors.Is(err, context.DeadlineExceeded) { // nobody commits
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newSlowStore(t)
				h := NewHost(store, Options{})
				var a, b recorder
				sa, sb := join(t, h, &a, JoinOptions{Symphony: true}), join(t, h, &b, JoinOptions{})
				write(t, h, sb)
				if err := receive(sa, initialMessage(letter(4))...); err != nil {
					t.Error(err)
				}
				store.commit()
				synctest.Wait()
				if answer, content := answers(a.take(), letter(3)); !bytes.Equal(answer, []byte{0}) || content != 1 {
					t.Errorf("answers %v, content %d times", answer, content)
				}
				sa.Leave()
				sb.Leave()
				mustCommitAndClose(t, h)
				if sv := stateVector(store.sim.document()); sv[3] != 1 || len(sv) != 1 {
					t.Errorf("stored is %v", sv)
				}
			})
		})
	}
}

func TestI_ONCE_anUpdateWhileItIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{})
		var a, b recorder
		sa, sb := join(t, h, &a, JoinOptions{Symphony: true}), join(t, h, &b, JoinOptions{})
		if err := receive(sa, initialMessage(letter(4))...); err != nil {
			t.Error(err)
		}
		if err := receive(sb, updateMessage(letter(3))...); err != nil {
			t.Error(err)
		}
		store.commit()
		synctest.Wait()
		if answer, content := answers(a.take(), letter(4)); !bytes.Equal(answer, []byte{1}) || content != 1 {
			t.Errorf("answers %v, content %d times", answer, content)
		}
		sa.Leave()
		sb.Leave()
		mustClose(t, h)
		if sv := stateVector(store.sim.document()); len(sv) != 2 {
			t.Errorf("stored is %v", sv)
		}
	})
}

func TestI_DURABLE_contentThatWasLostIsNobodys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{})
		var a, b recorder
		sa, sb := join(t, h, &a, JoinOptions{Symphony: true}), join(t, h, &b, JoinOptions{Symphony: true})
		if err := receive(sa, initialMessage(letter(4))...); err != nil {
			t.Error(err)
		}
		sa.room.mu.Lock()
		_ = sa.room.contain("simulated") // the room is lost before the content is durable
		sa.room.mu.Unlock()
		sa.Leave()
		sb.Leave()
		for _, m := range []*recorder{&a, &b} {
			if answer, content := answers(m.take(), letter(4)); len(answer)+content > 0 {
				t.Errorf("answers %v, content %d times", answer, content)
			}
		}
		sb = join(t, h, &b, JoinOptions{Symphony: true})
		if err := receive(sb, initialMessage(letter(5))...); err != nil {
			t.Error(err)
		}
		store.commit()
		synctest.Wait()
		if answer, content := answers(b.take(), letter(5)); !bytes.Equal(answer, []byte{1}) || content != 1 {
			t.Errorf("answers %v, content %d times", answer, content)
		}
		sb.Leave()
		mustClose(t, h)
	})
}

func TestI_REFUSED(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{MaxDocument: 4096})
		var a, reader, plain recorder
		sa := join(t, h, &a, JoinOptions{Symphony: true})
		sr := join(t, h, &reader, JoinOptions{Symphony: true, ReadOnly: true})
		sp := join(t, h, &plain, JoinOptions{})
		wantCode(t, receive(sp, initialMessage(letter(4))...), protocol.CloseBadMessage)
		wantCode(t, receive(sa, initialMessage([]byte{1, 1})...), protocol.CloseBadMessage)
		big := slices.Concat([]byte{1, 1, 7, 0, 4, 1, 1, 't', 0x80, 0x40}, bytes.Repeat([]byte("x"), 8192), []byte{0})
		message := append([]byte{105, byte(len(big)&0x7f | 0x80), byte(len(big) >> 7)}, big...)
		wantCode(t, receive(sa, message...), protocol.CloseTooLarge)
		for name, propose := range map[string]func() error{
			"read only":       func() error { return receive(sr, initialMessage(letter(4))...) },
			"I-EMPTY nothing": func() error { return receive(sa, initialMessage([]byte{0, 0})...) },
		} {
			if err := propose(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, m := range map[string]*recorder{"read only": &reader, "nothing": &a} {
			if answer, _ := answers(m.take(), nil); !bytes.Equal(answer, []byte{0}) {
				t.Errorf("%s: answers %v", name, answer)
			}
		}
		if n := len(store.sim.current.pending); n > 0 {
			t.Errorf("%d updates were journalled", n)
		}
		if err := receive(sa, initialMessage(letter(4))...); err != nil { // the room is still blank
			t.Error(err)
		}
		store.commit()
		synctest.Wait()
		if answer, content := answers(a.take(), letter(4)); !bytes.Equal(answer, []byte{1}) || content != 1 {
			t.Errorf("answers %v, content %d times", answer, content)
		}
		for _, s := range []*Session{sa, sr, sp} {
			s.Leave()
		}
		mustClose(t, h)
	})
}

func TestRoomWithASnapshotIsNotBlank(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		doc := crdt.NewDoc(crdt.Options{})
		snapshot, err := doc.EncodeStateAsUpdateV2(nil) // replaced by an empty document, no update ever made
		if err != nil {
			t.Fatal(err)
		}
		store.sim.snapshot = snapshot
		h := NewHost(store, Options{})
		var a recorder
		s := join(t, h, &a, JoinOptions{Symphony: true})
		if err := receive(s, initialMessage(letter(4))...); err != nil {
			t.Error(err)
		}
		if answer, _ := answers(a.take(), nil); !bytes.Equal(answer, []byte{0}) {
			t.Errorf("answers %v", answer)
		}
		s.Leave()
		mustClose(t, h)
	})
}

// editing runs Host.Edit in a goroutine; the channel gets its result.
func editing(h *Host, update []byte) <-chan error {
	done := make(chan error, 1)
	go func() {
		done <- h.Edit(context.Background(), "room", func(*crdt.Doc, bool) ([]byte, error) { return update, nil })
	}()
	return done
}

func TestEditIsRelayedJournalledAndWaitsUntilItIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		store.sim.rows[1], store.sim.last = letter(7), 1
		h := NewHost(store, Options{Grace: time.Hour})
		var a recorder
		s := join(t, h, &a, JoinOptions{})
		a.take()
		done := editing(h, letter(9))
		synctest.Wait()
		if got := a.take(); len(got) != 1 || !bytes.Equal(got[0], updateMessage(letter(9))) {
			t.Errorf("relayed % x", got)
		}
		if pending := store.sim.current.pending; len(pending) != 1 || !bytes.Equal(pending[0].update, letter(9)) {
			t.Errorf("journalled %v", pending)
		}
		select {
		case err := <-done:
			t.Fatalf("Edit returned before it is durable: %v", err)
		default:
		}
		store.commit()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := <-editing(h, letter(9)); err != nil { // says nothing new and all is durable
			t.Error(err)
		}
		if err := <-editing(h, nil); err != nil {
			t.Error(err)
		}
		s.Leave()
		mustClose(t, h)
	})
}

func TestEditErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		store.sim.rows[1], store.sim.last = letter(7), 1
		h := NewHost(store, Options{})
		mine := errors.New("mine")
		err := h.Edit(t.Context(), "room", func(*crdt.Doc, bool) ([]byte, error) { return nil, mine })
		if !errors.Is(err, mine) {
			t.Error(err)
		}
		if err := <-editing(h, []byte{9}); !errors.Is(err, crdt.ErrMalformed) {
			t.Error(err)
		}
		err = h.Edit(t.Context(), "room", func(*crdt.Doc, bool) ([]byte, error) { panic("simulated fault") })
		wantCode(t, err, protocol.CloseInternal)
		if _, ok := h.Info("room"); ok {
			t.Error("a room that had a panic goes on")
		}
		lost := editing(h, letter(9))
		synctest.Wait()
		store.mu.Lock()
		store.sim.epoch++ // another host opens the room
		store.sim.current.pending = nil
		store.mu.Unlock()
		h.get("room").Fenced()
		wantCode(t, <-lost, protocol.CloseMoved)
		mustClose(t, h)
		wantCode(t, <-editing(h, letter(9)), protocol.CloseRestarting)
	})
}

func TestEditOfARoomOnItsWayOutOpensItAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore(t)
		h := NewHost(store, Options{Grace: time.Second})
		join(t, h, &recorder{}, JoinOptions{}).Leave()
		r := h.get("room")
		r.mu.Lock()
		r.phase = releasing // and the release takes its time
		r.mu.Unlock()
		done := editing(h, letter(9))
		synctest.Wait()
		if len(store.sim.current.pending) > 0 {
			t.Error("a room that is being released was edited")
		}
		r.mu.Lock()
		r.end(nil)
		r.mu.Unlock()
		synctest.Wait()
		store.commit()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if store.sim.epoch != 2 {
			t.Errorf("epoch %d", store.sim.epoch)
		}
		mustClose(t, h)
	})
}
