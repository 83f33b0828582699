//go:build linux

package bench

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/bench/payload"
)

// small is a load that any server holds on any machine.
func small(url string) Config {
	return Config{
		URL: url, Users: 15, RoomSize: 4, DocumentRate: 10, PresenceRate: 20, SymphonyShare: 0.5,
		Ramp: 200 * time.Millisecond, Duration: time.Second, Drain: 20 * time.Second, Loops: 1,
	}
}

func mustRun(t *testing.T, cfg Config) *Result {
	t.Helper()
	r, err := Run(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// y-websocket's own server must be found faultless, and real clients must find every update in its rooms.
func TestAgainstYWebsocketServer(t *testing.T) {
	t.Parallel()
	for _, loops := range []int{1, 2} {
		cfg := small("ws://" + startYWebsocket(t))
		cfg.Loops = loops
		r := mustRun(t, cfg)
		if r.Connected != cfg.Users || r.Rooms != 4 || r.Symphony != 0 {
			t.Errorf("%d users in %d rooms, %d of them with symphony.v1", r.Connected, r.Rooms, r.Symphony)
		}
		for kind, d := range map[string]Delivery{"document": r.Document, "presence": r.Presence} {
			if d.Lost != 0 || d.Duplicates != 0 || d.Superseded != 0 || d.Delivered != d.Expected {
				t.Errorf("%s: %+v", kind, d)
			}
			if d.Sent < uint64(cfg.Users) || d.Expected < 2*d.Sent || d.Count == 0 {
				t.Errorf("%s: %d sent, %d expected, %d measured: too few to prove anything", kind, d.Sent, d.Expected, d.Count)
			}
		}
		if len(r.Disconnects)+len(r.Errors) > 0 {
			t.Errorf("disconnects %v, errors %v", r.Disconnects, r.Errors)
		}
		if r.EchoShare < 0.9 {
			t.Errorf("y-websocket's server echoes, but only %.2f echoes per message were seen", r.EchoShare)
		}

		var rooms []string
		for i := range r.Rooms {
			rooms = append(rooms, RoomName(r.RoomPrefix, i))
		}
		words := 0
		for i, text := range texts(t, cfg.URL, rooms) {
			words += checkText(t, rooms[i], text, min(4, cfg.Users-4*i))
		}
		if uint64(words) != r.Document.Sent {
			t.Errorf("the rooms hold %d updates, %d were sent", words, r.Document.Sent)
		}
	}
}

// checkText checks that a room's text consists of one whole run of updates for each user, and counts them.
func checkText(t *testing.T, room, text string, users int) int {
	t.Helper()
	runs, next := 0, uint32(1)
	for i := 0; i < len(text); i += payload.UpdateUnits {
		word := text[i:min(i+payload.UpdateUnits, len(text))]
		if word == string(payload.AppendText(nil, 1)) {
			runs, next = runs+1, 1
		}
		if want := string(payload.AppendText(nil, next)); word != want {
			t.Errorf("%s holds %q where %q follows", room, word, want)
		}
		next++
	}
	if runs != users {
		t.Errorf("%s holds the text of %d users, wanted %d", room, runs, users)
	}
	return len(text) / payload.UpdateUnits
}

// isKind tells whether a message from the server carries an update or presence.
func isKind(message []byte, k Kind) bool {
	if k == Presence {
		return message[0] == payload.TypeAwareness
	}
	return message[0] == payload.TypeSync && message[1] == payload.SyncUpdate
}

// spoil runs the load through a relay that does something to every eighth message of a kind, and returns the result and
// how often it did.
func spoil(t *testing.T, k Kind, what fate, merged bool) (*Result, uint64) {
	t.Helper()
	var done atomic.Uint64
	addr := startRelay(t, startYWebsocket(t), func(_, n int, m []byte) fate {
		if isKind(m, k) && n%8 == 7 {
			done.Add(1)
			return what
		}
		return pass
	})
	cfg := small("ws://" + addr)
	cfg.MergedPresence = merged
	if what == drop {
		cfg.Drain = time.Second // what is dropped never comes
	}
	return mustRun(t, cfg), done.Load()
}

func TestLostUpdatesAreFound(t *testing.T) {
	t.Parallel()
	r, dropped := spoil(t, Document, drop, false)
	// A quarter of what the server sends is echoes, which nobody misses.
	if r.Document.Lost == 0 || r.Document.Lost > dropped || r.Presence.Lost != 0 {
		t.Fatalf("%d updates were dropped; lost: document %d, presence %d", dropped, r.Document.Lost, r.Presence.Lost)
	}
}

func TestLostPresenceIsFound(t *testing.T) {
	t.Parallel()
	r, dropped := spoil(t, Presence, drop, false)
	if r.Presence.Lost == 0 || r.Presence.Lost > dropped || r.Document.Lost != 0 {
		t.Fatalf("%d states were dropped; lost: document %d, presence %d", dropped, r.Document.Lost, r.Presence.Lost)
	}
}

// Where a server may send the newest state only, a state that is left out is not lost, unless nothing newer follows.
func TestSupersededPresenceIsToldApart(t *testing.T) {
	t.Parallel()
	r, dropped := spoil(t, Presence, drop, true)
	if r.Presence.Superseded == 0 || r.Presence.Superseded+r.Presence.Lost > dropped {
		t.Fatalf("%d states were dropped; superseded %d, lost %d", dropped, r.Presence.Superseded, r.Presence.Lost)
	}
	if r.Presence.Lost >= r.Presence.Superseded {
		t.Fatalf("lost %d, superseded %d: only the last states of users can be lost", r.Presence.Lost, r.Presence.Superseded)
	}
}

func TestDuplicatesAreFound(t *testing.T) {
	t.Parallel()
	for _, k := range []Kind{Document, Presence} {
		r, doubled := spoil(t, k, double, false)
		d := []Delivery{Document: r.Document, Presence: r.Presence}[k]
		if d.Duplicates == 0 || d.Duplicates > doubled || r.Lost() != 0 {
			t.Fatalf("kind %d: %d messages were doubled; %d duplicates, %d lost", k, doubled, d.Duplicates, r.Lost())
		}
	}
}

func TestDisconnectsAreFound(t *testing.T) {
	t.Parallel()
	addr := startRelay(t, startYWebsocket(t), func(conn, n int, _ []byte) fate {
		switch {
		case n == 30 && conn == 2:
			return cut
		case n == 30 && conn == 3:
			return shut
		}
		return pass
	})
	cfg := small("ws://" + addr)
	cfg.Drain = time.Second
	r := mustRun(t, cfg)
	if Total(r.Disconnects) != 2 || r.Disconnects["1013 busy"] != 1 {
		t.Fatalf("disconnects: %v", r.Disconnects)
	}
	abrupt := 0
	for reason, n := range r.Disconnects {
		if strings.HasPrefix(reason, "1006") {
			abrupt += n
		}
	}
	if abrupt != 1 {
		t.Fatalf("one connection was cut without a close frame: %v", r.Disconnects)
	}
}

func TestInterruptedRunTellsWhatItMeasured(t *testing.T) {
	t.Parallel()
	cfg := small("ws://" + startYWebsocket(t))
	cfg.Duration = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := Run(ctx, cfg, func(p Progress) {
		if p.Phase == Measuring {
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Interrupted || r.Document.Delivered == 0 || len(r.Doubts) == 0 {
		t.Fatalf("interrupted %v, %d delivered, doubts %q", r.Interrupted, r.Document.Delivered, r.Doubts)
	}
}

func TestNobodyListens(t *testing.T) {
	cfg := small("ws://127.0.0.1:1")
	r := mustRun(t, cfg)
	if r.Connected != 0 || Total(r.Errors) != cfg.Users || len(r.Doubts) == 0 {
		t.Fatalf("%d connected, errors %v, doubts %q", r.Connected, r.Errors, r.Doubts)
	}
}
