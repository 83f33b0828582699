package payload

import (
	"errors"
	"slices"
	"testing"
)

// recorder notes what Decode tells.
type recorder struct {
	units    map[uint64]uint64
	known    uint64
	presence []uint64 // client, clock
	left     []uint64
	told     []string
	durable  uint64
}

func (r *recorder) StateVector(known uint64) { r.known = known; r.told = append(r.told, "vector") }
func (r *recorder) Struct(client, _, length uint64) {
	if r.units == nil {
		r.units = map[uint64]uint64{}
	}
	r.units[client] += length
}
func (r *recorder) Synced() { r.told = append(r.told, "synced") }
func (r *recorder) Presence(client, clock uint64, gone bool) {
	if gone {
		r.left = append(r.left, client)
		return
	}
	r.presence = append(r.presence, client, clock)
}
func (r *recorder) PresenceQuery()       { r.told = append(r.told, "query") }
func (r *recorder) Denied(reason []byte) { r.told = append(r.told, "denied "+string(reason)) }
func (r *recorder) Hello()               { r.told = append(r.told, "hello") }
func (r *recorder) Durable(n uint64)     { r.durable = n }

func TestDecodeOfAwarenessWithSeveralClients(t *testing.T) {
	state := `{"a":1}`
	body := []byte{3, 5, 9, byte(len(state))}
	body = append(body, state...)
	body = append(body, 6, 2, 4, 'n', 'u', 'l', 'l', 7, 200, 1, 2, '{', '}')
	message := append([]byte{TypeAwareness, byte(len(body))}, body...)
	var r recorder
	if err := Decode(message, 0, &r); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.presence, []uint64{5, 9, 7, 200}) || !slices.Equal(r.left, []uint64{6}) {
		t.Fatalf("told %v, left %v", r.presence, r.left)
	}
}

func TestDecodeOfOtherMessages(t *testing.T) {
	for _, c := range []struct {
		message []byte
		want    recorder
	}{
		{[]byte{TypeQueryAwareness}, recorder{told: []string{"query"}}},
		{[]byte{TypeAuth, 0, 2, 'n', 'o'}, recorder{told: []string{"denied no"}}},
		{[]byte{TypeHello, 1, 'x', 1, 1, 0}, recorder{told: []string{"hello"}}},
		{[]byte{TypeDurable, 0x81, 1}, recorder{durable: 129}},
		{[]byte{TypeAwareness, 1, 0}, recorder{}}, // Symphony's sign of life
		{[]byte{TypeSync, SyncStep1, 3, 1, 44, 16}, recorder{known: 16, told: []string{"vector"}}},
		{[]byte{TypeSync, SyncStep2, 2, 0, 0}, recorder{told: []string{"synced"}}},
		{[]byte{77, 1, 2, 3}, recorder{}},
	} {
		var r recorder
		if err := Decode(c.message, 44, &r); err != nil {
			t.Errorf("%v: %v", c.message, err)
		}
		if !slices.Equal(r.told, c.want.told) || r.known != c.want.known || r.durable != c.want.durable {
			t.Errorf("%v: told %+v, wanted %+v", c.message, r, c.want)
		}
	}
}

// Every message that is cut short anywhere must be noticed: a lost end must not pass for a message without it.
func TestDecodeOfTruncatedMessages(t *testing.T) {
	const client = 1<<31 + 3
	for _, whole := range [][]byte{
		AppendUpdate(nil, client, 1), AppendUpdate(nil, client, 77), AppendStep2(nil, client, 0, 40), AppendPresence(nil, client, 900),
	} {
		for cut := range whole {
			var r recorder
			if err := Decode(whole[:cut], 0, &r); !errors.Is(err, ErrTruncated) {
				t.Fatalf("%x cut to %d bytes: error %v", whole, cut, err)
			}
			if len(r.told) > 0 {
				t.Fatalf("%x cut to %d bytes: told %v", whole, cut, r.told)
			}
		}
	}
}

func TestDecodeOfTextBeyondASCII(t *testing.T) {
	text := "a€😀" // 1, 1 and 2 UTF-16 units
	update := append([]byte{1, 1, 9, 0, refString, 1, 1, 't', byte(len(text))}, text...)
	update = append(update, 0)
	message := append([]byte{TypeSync, SyncUpdate, byte(len(update))}, update...)
	var r recorder
	if err := Decode(message, 0, &r); err != nil || r.units[9] != 4 {
		t.Fatalf("%d units, %v", r.units[9], err)
	}
}

// No input may crash the generator or make it work without bound.
func FuzzDecode(f *testing.F) {
	f.Add(AppendUpdate(nil, 1<<31, 5))
	f.Add(AppendStep2(nil, 1<<31, 0, 5))
	f.Add(AppendPresence(nil, 1<<31, 5))
	f.Add([]byte{TypeSync, SyncStep1, 3, 1, 44, 16})
	f.Add([]byte{TypeSync, SyncUpdate, 12, 1, 3, 9, 0, 0, 5, 10, 2, 0x24, 1, 1, 2, 0})
	f.Add([]byte{TypeDurable, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, message []byte) {
		calls := 0
		_ = Decode(message, 1<<31, &counter{calls: &calls})
		if calls > len(message) {
			t.Fatalf("%d bytes told of %d things", len(message), calls)
		}
	})
}

// counter counts what Decode tells.
type counter struct{ calls *int }

func (c *counter) StateVector(uint64)           { *c.calls++ }
func (c *counter) Struct(_, _, _ uint64)        { *c.calls++ }
func (c *counter) Synced()                      { *c.calls++ }
func (c *counter) Presence(_, _ uint64, _ bool) { *c.calls++ }
func (c *counter) PresenceQuery()               { *c.calls++ }
func (c *counter) Denied([]byte)                { *c.calls++ }
func (c *counter) Hello()                       { *c.calls++ }
func (c *counter) Durable(uint64)               { *c.calls++ }
