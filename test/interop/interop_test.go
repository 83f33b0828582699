// Package interop runs the real server with real yjs and y-websocket clients from npm.
package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

type args = harness.Command

// Two Node programs edit text, maps, arrays and XML at the same time and end up with equal bytes.
func TestTwoProgramsConverge(t *testing.T) {
	s := harness.StartServer(t)
	a := harness.StartPuppet(t).Join(s, harness.Plain, "a", "demo")
	b := harness.StartPuppet(t).Join(s, harness.Plain, "b", "demo")

	a.Do("append", args{"text": "Hello 😀"}, nil)
	b.Do("set", args{"key": "title", "value": args{"by": "b"}}, nil)
	b.Do("element", args{"tag": "p", "text": "paragraph"}, nil)
	harness.Converged(t, s, "demo", a, b)

	for round := range 5 {
		for _, c := range []*harness.Client{a, b} {
			c.Do("edit", args{"seed": round, "edits": 40}, nil)
		}
	}
	state := harness.Converged(t, s, "demo", a, b)

	late := harness.StartPuppet(t).Join(s, harness.Plain, "late", "demo")
	if !bytes.Equal(late.State().State, state.State) {
		t.Error("a late joiner that is synced does not have what the others have")
	}
	v2 := a.Puppet.Load("v2", s.Update("demo", "v2"))
	if !bytes.Equal(v2.State, state.State) {
		t.Error("the update endpoint in v2 holds another document than in v1")
	}
}

// Writes that overlap in time, from four connections in two programs, of both kinds of clients.
func TestContinualWritersConverge(t *testing.T) {
	s := harness.StartServer(t)
	p, q := harness.StartPuppet(t), harness.StartPuppet(t)
	clients := []*harness.Client{
		p.Join(s, harness.Plain, "a", "busy"), p.Join(s, harness.Symphony, "b", "busy"),
		q.Join(s, harness.Plain, "c", "busy"), q.Join(s, harness.Symphony, "d", "busy"),
	}
	for i, c := range clients {
		c.Do("write", args{"seed": i, "pause": 6}, nil)
	}
	harness.Eventually(t, "some writing", func() bool { return len(clients[0].State().State) > 20000 })
	for _, c := range clients {
		c.Do("rest", nil, nil)
	}
	harness.Converged(t, s, "busy", clients...)
	for _, c := range []*harness.Client{clients[1], clients[3]} {
		c.Do("durable", nil, nil)
	}
}

func TestOfflineEditsArriveAfterReconnect(t *testing.T) {
	s := harness.StartServer(t)
	p := harness.StartPuppet(t)
	a := p.Join(s, harness.Plain, "a", "offline")
	b := p.Join(s, harness.Plain, "b", "offline")
	a.Do("append", args{"text": "common "}, nil)
	harness.Converged(t, s, "offline", a, b)

	b.Do("disconnect", nil, nil)
	a.Do("append", args{"text": "online"}, nil)
	b.Do("insert", args{"at": 0, "text": "offline "}, nil)
	b.Do("edit", args{"seed": 3, "edits": 30}, nil)
	b.Do("connect", nil, nil)
	state := harness.Converged(t, s, "offline", a, b)
	if state.Text == "" {
		t.Error("the text is empty")
	}
}

// The JSON that the management API shows is the JSON that the client has.
func TestDocumentViewEqualsTheClients(t *testing.T) {
	s := harness.StartServer(t)
	a := harness.StartPuppet(t).Join(s, harness.Plain, "a", "view")
	a.Do("append", args{"text": "Grüße 😀 \"quoted\" \n<b>"}, nil)
	a.Do("remove", args{"at": 1, "length": 2}, nil)
	for key, value := range map[string]any{"": 1, "10": 0.5, "nested": args{"list": []any{1, nil, true, "x"}}, "ключ": "значение", "big": 1e21} {
		a.Do("set", args{"key": key, "value": value}, nil)
	}
	a.Do("element", args{"tag": "p", "text": "a < b"}, nil)
	state := harness.Converged(t, s, "view", a)

	var document map[string]json.RawMessage
	unmarshal(t, s.Document("view"), &document)
	t.Logf("document: %s", s.Document("view"))
	sameJSON(t, "text", document["text"], quote(t, state.Text))
	sameJSON(t, "map", document["map"], state.Map)
	sameJSON(t, "xml", document["xml"], quote(t, state.XML))
}

func TestLargeDocument(t *testing.T) {
	s := harness.StartServer(t)
	p := harness.StartPuppet(t)
	a := p.Join(s, harness.Plain, "a", "large")
	for range 8 {
		a.Do("append", args{"text": strings.Repeat("0123456789abcdef", 1<<16)}, nil) // 1 MiB in one update
	}
	a.Do("edit", args{"seed": 1, "edits": 3000}, nil)
	state := harness.Converged(t, s, "large", a)
	b := p.Join(s, harness.Plain, "b", "large")
	if !bytes.Equal(b.State().State, state.State) {
		t.Error("a joiner of a large room does not have all of it")
	}
}

// Rooms do not mix, however many there are.
func TestManyRooms(t *testing.T) {
	s := harness.StartServer(t)
	p := harness.StartPuppet(t)
	const rooms = 200
	var clients []*harness.Client
	for i := range rooms {
		room := fmt.Sprintf("room-%d", i)
		clients = append(clients, p.JoinLater(s, harness.Plain, room, room, true))
	}
	for i, c := range clients {
		c.Do("append", args{"text": "this is " + strconv.Itoa(i)}, nil)
	}
	for i, c := range clients {
		state := harness.Converged(t, s, c.Room, c)
		if want := "this is " + strconv.Itoa(i); state.Text != want {
			t.Fatalf("%s holds %q instead of %q", c.Room, state.Text, want)
		}
	}
}

func unmarshal(t *testing.T, text []byte, value any) {
	t.Helper()
	if err := json.Unmarshal(text, value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

func quote(t *testing.T, s string) []byte {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sameJSON(t *testing.T, what string, got, want []byte) {
	t.Helper()
	var g, w any
	unmarshal(t, got, &g)
	unmarshal(t, want, &w)
	if fmt.Sprintf("%#v", g) != fmt.Sprintf("%#v", w) {
		t.Errorf("%s: the server shows %s, the client has %s", what, got, want)
	}
}
