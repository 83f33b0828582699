package interop

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/test/harness"
)

// oddIDs is room ids that a program could take for something else: a path, a pattern, the end of a string, a command.
var oddIDs = []string{
	" ", "a room", "日本語/комната", "😀", "a/b", "/", "//", "/etc/passwd", "../../x", "..\\x", "\x00", "a\x00b", "%2F", "%", "a?b=c", "a#b",
	"CON", "LOCK", "catalog.db", "'; DROP TABLE room; --", "*", "\r\nX: y", "\u2028", "e\u0301", "\u00e9", "A", "a",
	strings.Repeat("x", 255), strings.Repeat("😀", 63) + "abc",
}

// Any UTF-8 of 1 to 255 bytes is a room of its own: for clients, after a restart, and in the management API.
func TestRoomIDsAreData(t *testing.T) {
	s := harness.StartServer(t)
	p := harness.StartPuppet(t)
	for _, id := range oddIDs {
		c := p.Join(s, harness.Symphony, "writer of "+id, id)
		c.Do("append", args{"text": "this is " + id}, nil)
		c.Do("durable", nil, nil)
		c.Do("leave", nil, nil)
	}
	s.Kill()
	s.Start()
	s.WaitReady()
	for _, id := range oddIDs {
		want := "this is " + id
		c := p.Join(s, harness.Plain, "reader of "+id, id)
		if got := c.State().Text; got != want {
			t.Errorf("room %q holds %q for a client", id, got)
		}
		if got := p.Load("v2", s.Update(id, "v2")).Text; got != want {
			t.Errorf("room %q holds %q in the management API", id, got)
		}
		var room struct{ ID string }
		unmarshal(t, s.Get("/v1/rooms/"+url.PathEscape(id)), &room)
		if room.ID != id {
			t.Errorf("room %q is called %q by the management API", id, room.ID)
		}
		c.Do("leave", nil, nil)
	}
}

// "." and ".." are rooms too; clients written in JavaScript cannot ask for them, since URLs lose them.
func TestRoomsThatAreDots(t *testing.T) {
	s := harness.StartServer(t)
	for _, id := range []string{"%2e", "%2e%2e", "%2E%2E", "..%2f.."} {
		if status := s.Upgrade(t, "/rooms/"+id); status != 101 {
			t.Errorf("connecting to /rooms/%s: status %d", id, status)
		}
	}
	if rooms := string(s.Get("/v1/rooms")); !json.Valid([]byte(rooms)) {
		t.Errorf("/v1/rooms is not JSON: %s", rooms)
	}
}

func TestRoomIDsThatAreRefused(t *testing.T) {
	s := harness.StartServer(t)
	for path, want := range map[string]int{
		"/rooms/":                            404,
		"/rooms/%ff":                         400,
		"/rooms/%zz":                         400,
		"/rooms/" + strings.Repeat("x", 256): 414,
		"/rooms/a/b":                         400,
	} {
		if status := s.Upgrade(t, path); status != want {
			t.Errorf("connecting to %.40s: status %d instead of %d", path, status, want)
		}
	}
}
