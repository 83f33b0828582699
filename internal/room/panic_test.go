package room

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/symphony-rtc/symphony/protocol"
)

// A fault may come to light in any goroutine that works on a room; none of them may take the process with it.
func TestPanicsEverywhereAreContained(t *testing.T) {
	for name, provoke := range map[string]func(store *slowStore, faulty *recorder, s, other *Session){
		"acknowledging": func(store *slowStore, faulty *recorder, _, _ *Session) {
			faulty.fault()
			store.commit()
		},
		"storage's state": func(_ *slowStore, faulty *recorder, s, _ *Session) {
			faulty.fault()
			s.room.Delayed(ErrFenced)
		},
		"leaving": func(_ *slowStore, faulty *recorder, _, other *Session) {
			faulty.fault()
			other.Leave()
		},
		"the clock": func(_ *slowStore, faulty *recorder, _, _ *Session) {
			faulty.fault()
			time.Sleep(time.Minute) // the other's presence is outdated
		},
		"joining": func(_ *slowStore, _ *recorder, s, _ *Session) {
			_, err := s.room.host.Join(s.room.host.ctx, "room", &recorder{panics: true}, JoinOptions{})
			wantCode(t, err, protocol.CloseInternal)
		},
		"storing": func(store *slowStore, _ *recorder, s, _ *Session) {
			s.room.mu.Lock()
			s.room.doc = nil
			s.room.mu.Unlock()
			store.commit()
			time.Sleep(time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newSlowStore(t)
				h := NewHost(store, Options{})
				var faulty, b recorder
				s, other := join(t, h, &faulty, JoinOptions{Symphony: true}), join(t, h, &b, JoinOptions{})
				if err := receive(other, presenceMessage(5, 1, `{}`)...); err != nil {
					t.Fatal(err)
				}
				if err := receive(s, updateMessage(letter(3))...); err != nil {
					t.Fatal(err)
				}
				provoke(store, &faulty, s, other)
				synctest.Wait()
				if n := h.Stats().Panics.Load(); n != 1 || faulty.code() != protocol.CloseInternal {
					t.Errorf("%d panics, the member was closed with %d", n, faulty.code())
				}
				s.Leave()
				other.Leave()
				join(t, h, &recorder{}, JoinOptions{}).Leave()
				mustClose(t, h)
			})
		})
	}
}
