package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/symphony-rtc/symphony/crdt/lib0"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// says is an awareness update: triples of client, clock and JSON state.
func says(triples ...any) []byte {
	b := lib0.AppendUvarint(nil, uint64(len(triples)/3))
	for i := 0; i < len(triples); i += 3 {
		b = lib0.AppendUvarint(b, uint64(triples[i].(int)))
		b = lib0.AppendUvarint(b, uint64(triples[i+1].(int)))
		b = lib0.AppendBytes(b, []byte(triples[i+2].(string)))
	}
	return b
}

// hears applies an update and checks which clients were accepted.
func hears(t *testing.T, p *Presence, from *Speaker, update []byte, want ...uint64) Change {
	t.Helper()
	change, err := p.Apply(from, update, noon)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(change.Clients, want) {
		t.Fatalf("accepted %v, want %v", change.Clients, want)
	}
	return change
}

// present is everybody's state in readable form.
func present(p *Presence) string {
	update := p.AppendAll(nil)
	n, at, _ := readVarUint(update, 0)
	s := ""
	for range n {
		var e awarenessEntry
		e, at, _ = readAwarenessEntry(update, at)
		s += fmt.Sprintf("%d@%d%s ", e.client, e.clock, e.state)
	}
	return s
}

func check(t *testing.T, p *Presence, want string) {
	t.Helper()
	if got := present(p); got != want {
		t.Fatalf("present: %q, want %q", got, want)
	}
}

func TestP_CLOCK(t *testing.T) {
	var p Presence
	var a Speaker
	hears(t, &p, &a, says(1, 0, `{}`), 1)
	hears(t, &p, &a, says(1, 0, `{"same":"clock"}`))
	hears(t, &p, &a, says(1, 5, `{"x":1}`), 1)
	hears(t, &p, &a, says(1, 4, `{"x":0}`))
	check(t, &p, `1@5{"x":1} `)
	hears(t, &p, &a, says(1, 5, `null`), 1) // equal clock: leaves
	check(t, &p, "")
	hears(t, &p, &a, says(1, 5, ` null `))
	hears(t, &p, &a, says(1, 6, `{"x":2}`), 1)
	hears(t, &p, &a, says(1, 7, `null`), 1)
	hears(t, &p, &a, says(9, 3, `null`)) // nobody knows 9
}

func TestP_JSON(t *testing.T) {
	var p Presence
	var a Speaker
	for _, bad := range []string{``, `{`, `{"a":1}x`, "\"\xff\"", `undefined`, `{"a":NaN}`} {
		if _, err := p.Apply(&a, says(1, 1, `{}`, 2, 1, bad), noon); !errors.Is(err, ErrMalformed) {
			t.Errorf("state %q: error %v, want ErrMalformed", bad, err)
		}
	}
	check(t, &p, "") // all or nothing
	huge := make([]byte, MaxPresenceState+1)
	for i := range huge {
		huge[i] = ' '
	}
	huge[0] = '1'
	if _, err := p.Apply(&a, says(1, 1, string(huge)), noon); !errors.Is(err, ErrMalformed) {
		t.Errorf("a state over the limit: error %v", err)
	}
}

func TestP_RELAY_partly(t *testing.T) {
	var p Presence
	var a, b Speaker
	hears(t, &p, &a, says(1, 1, `"a"`), 1)
	hears(t, &p, &b, says(2, 1, `"b"`), 2)
	change := hears(t, &p, &b, says(1, 9, `"forged"`, 2, 2, `"b2"`), 2)
	if change.Whole {
		t.Error("an update with an ignored entry is not whole")
	}
	if got, want := string(p.AppendClients(nil, change.Clients)), string(says(2, 2, `"b2"`)); got != want {
		t.Errorf("relayed %q, want %q", got, want)
	}
	if !hears(t, &p, &b, says(2, 3, `"b3"`), 2).Whole {
		t.Error("an update whose every entry is accepted is whole")
	}
}

func TestP_OWNER_forgedAndEchoed(t *testing.T) {
	var p Presence
	var a, b Speaker
	hears(t, &p, &a, says(1, 3, `"a"`), 1)
	hears(t, &p, &b, says(2, 1, `"b"`), 2)
	hears(t, &p, &b, says(1, 3, `"a"`))            // y-websocket clients echo what they receive
	hears(t, &p, &b, says(1, 4, `"forged"`))       // another state
	hears(t, &p, &b, says(1, 3, `null`))           // or the end
	hears(t, &p, &b, says(1, 1<<52, `"forged"`))   // or a clock that would lock the real one out
	hears(t, &p, &a, says(1, 4, `"a goes on"`), 1) // the real one is untouched
	check(t, &p, `1@4"a goes on" 2@1"b" `)
}

func TestP_OWNER_forwarderGivesWay(t *testing.T) {
	var p Presence
	var tab, itself Speaker
	hears(t, &p, &tab, says(2, 1, `"tab"`), 2)
	hears(t, &p, &tab, says(1, 3, `"heard from another tab"`), 1)
	hears(t, &p, &itself, says(1, 3, `"heard from another tab"`)) // the client itself arrives: same state, but now its own
	hears(t, &p, &itself, says(1, 4, `"moves"`), 1)
	hears(t, &p, &tab, says(1, 5, `"not yours any more"`))
	if left := p.Leave(&tab, noon); !slices.Equal(left, []uint64{2}) {
		t.Errorf("with the tab left %v, want 2 only", left)
	}
	check(t, &p, `1@4"moves" `)
}

func TestP_OWNER_contested(t *testing.T) {
	var p Presence
	var old, again, b Speaker
	hears(t, &p, &old, says(1, 3, `"before the network changed"`), 1)
	hears(t, &p, &b, says(2, 1, `"b"`), 2)
	if change := hears(t, &p, &again, says(1, 3, `"before the network changed"`)); change.Contested != &old {
		t.Error("the old connection is not to be looked at")
	}
	if change := hears(t, &p, &again, says(1, 4, `"after"`)); change.Contested != &old {
		t.Error("the old connection is not to be looked at any more")
	}
	if change := hears(t, &p, &b, says(1, 5, `"echo"`)); change.Contested != nil {
		t.Error("an echo makes the connection suspicious")
	}
	p.Leave(&old, noon)
	hears(t, &p, &again, says(1, 5, `"after"`), 1)
	check(t, &p, `1@5"after" 2@1"b" `)
}

func TestP_DROP(t *testing.T) {
	var p Presence
	var a, b Speaker
	hears(t, &p, &a, says(1, 3, `"a"`), 1)
	hears(t, &p, &a, says(7, 1, `"second"`), 7)
	hears(t, &p, &a, says(8, 1, `"gone before"`), 8)
	hears(t, &p, &a, says(8, 2, `null`), 8)
	hears(t, &p, &b, says(2, 1, `"b"`), 2)
	left := p.Leave(&a, noon)
	slices.Sort(left)
	if !slices.Equal(left, []uint64{1, 7}) {
		t.Fatalf("left %v", left)
	}
	if got, want := string(p.AppendClients(nil, left)), string(says(1, 3, `null`, 7, 1, `null`)); got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	check(t, &p, `2@1"b" `)
}

func TestP_RETURN(t *testing.T) {
	var p Presence
	var a, b, again Speaker
	hears(t, &p, &a, says(1, 3, `"a"`), 1)
	p.Leave(&a, noon)
	change := hears(t, &p, &again, says(1, 3, `"a"`)) // the others would ignore it at this clock
	if !change.Nudge || change.NudgeID != 1 {
		t.Fatalf("no nudge: %+v", change)
	}
	if got, want := string(p.AppendLeft(nil, 1)), string(says(1, 3, `null`)); got != want {
		t.Errorf("nudge %q, want %q", got, want)
	}
	hears(t, &p, &again, says(1, 4, `"a"`), 1) // what y-protocols does when nudged
	check(t, &p, `1@4"a" `)

	if change := hears(t, &p, &b, says(5, 2, `"from before the server restarted"`), 5); !change.Nudge {
		t.Error("an unknown client with a history is not nudged")
	}
	var c Speaker
	if change := hears(t, &p, &c, says(6, 0, `"new"`), 6); change.Nudge {
		t.Error("a new client is nudged")
	}
}

func TestP_RETURN_lateEchoIsNoReturn(t *testing.T) {
	var p Presence
	var a, b Speaker
	hears(t, &p, &a, says(1, 3, `"a"`), 1)
	hears(t, &p, &b, says(2, 1, `"b"`), 2)
	p.Leave(&a, noon)
	hears(t, &p, &b, says(1, 3, `"a"`)) // b echoes what it was sent before a dropped
	check(t, &p, `2@1"b" `)
}

func TestP_OUTDATED(t *testing.T) {
	var p Presence
	var a Speaker
	hears(t, &p, &a, says(1, 3, `"a"`), 1)
	if got := p.Sweep(noon.Add(OutdatedAfter - 1)); len(got) != 0 {
		t.Fatalf("too early: %v", got)
	}
	if got := p.Sweep(noon.Add(OutdatedAfter)); !slices.Equal(got, []uint64{1}) {
		t.Fatalf("outdated %v", got)
	}
	check(t, &p, "")
	hears(t, &p, &a, says(1, 4, `"renewed late"`), 1)
	check(t, &p, `1@4"renewed late" `)
	p.Leave(&a, noon)
	p.Sweep(noon.Add(forgetAfter))
	if len(p.clients) != 0 {
		t.Error("clients that left long ago are remembered")
	}
}

func TestP_BOUND(t *testing.T) {
	var p Presence
	var a Speaker
	for id := range MaxPresenceClients + 10 {
		if _, err := p.Apply(&a, says(id, 1, `{}`), noon); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.Len(); n != MaxPresenceClients {
		t.Errorf("one connection made the room remember %d clients", n)
	}
}

func TestPresenceAllocatesNothing(t *testing.T) {
	var p Presence
	var a Speaker
	clock := 1
	updates := make([][]byte, 2000)
	for i := range updates {
		updates[i] = says(1, i+1, `{"user":{"name":"Ada","color":"#f0a"},"cursor":{"x":10,"y":20}}`)
	}
	allocs := testing.AllocsPerRun(1000, func() {
		if change, err := p.Apply(&a, updates[clock], noon); err != nil || len(change.Clients) != 1 {
			t.Fatal(change, err)
		}
		clock++
	})
	if allocs > 0 {
		t.Errorf("%v allocations for each presence update", allocs)
	}
}

func FuzzPresence(f *testing.F) {
	f.Add(says(1, 1, `{}`), true)
	f.Add(says(1, 2, `null`, 2, 1, `[1,2]`), false)
	f.Fuzz(func(t *testing.T, update []byte, first bool) {
		var p Presence
		var a, b Speaker
		hears(t, &p, &a, says(1, 1, `{"a":1}`), 1)
		hears(t, &p, &b, says(2, 1, `{"b":1}`), 2)
		from, other := &a, `{"b":1}`
		if !first {
			from, other = &b, `{"a":1}`
		}
		change, err := p.Apply(from, update, noon)
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
		for _, client := range change.Clients {
			if k := p.clients[client]; k.speaker != from || (k.state != nil && (!utf8.Valid(k.state) || !json.Valid(k.state))) {
				t.Fatalf("client %d: %+v", client, k)
			}
		}
		found := false
		for _, k := range p.clients {
			found = found || string(k.state) == other && k.speaker != from
		}
		if !found {
			t.Fatal("the other client's state was changed")
		}
		p.Leave(from, noon)
		if n := p.Len(); n != 1 {
			t.Fatalf("%d present after the sender left", n)
		}
	})
}

func BenchmarkPresenceApply(b *testing.B) {
	var p Presence
	var a Speaker
	updates := make([][]byte, 4096)
	for i := range updates {
		updates[i] = says(1, i+1, `{"user":{"name":"Ada","color":"#f0a"},"cursor":{"x":10,"y":20}}`)
	}
	for i := 0; b.Loop(); i++ {
		if i%len(updates) == 0 {
			p = Presence{}
			a = Speaker{}
		}
		if _, err := p.Apply(&a, updates[i%len(updates)], noon); err != nil {
			b.Fatal(err)
		}
	}
}
