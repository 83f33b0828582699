package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"
)

// Client is one client of a puppet, in one room of a server.
type Client struct {
	Puppet *Puppet
	Name   string
	Room   string // the id as it is, not as it is in URLs
	ID     uint64 // Yjs client id

	t testing.TB
}

// Kinds of clients.
const (
	Plain    = "plain"    // yjs with y-websocket's provider
	Symphony = "symphony" // speaks symphony.v1, and knows which of its updates are durable
	Npm      = "npm"      // @symphony-rtc/client, which knows that as well
)

// Join makes a client and waits until it is synced.
func (p *Puppet) Join(s *Server, kind, name, room string) *Client {
	p.t.Helper()
	c := p.JoinLater(s, kind, name, room, true)
	c.Do("synced", nil, nil)
	return c
}

// JoinLater makes a client that connects at once (not waiting for it), or when it is told to.
func (p *Puppet) JoinLater(s *Server, kind, name, room string, connect bool) *Client {
	p.t.Helper()
	return p.join(Command{"client": name, "kind": kind, "room": room, "connect": connect}, s)
}

// JoinSlowly makes a client that connects at once and, if its connection ends, waits so many milliseconds, or up to twice
// as many, before it connects again.
func (p *Puppet) JoinSlowly(s *Server, kind, name, room string, reconnect int) *Client {
	p.t.Helper()
	return p.join(Command{"client": name, "kind": kind, "room": room, "connect": true, "reconnect": reconnect}, s)
}

// JoinAny makes a client that connects at once to one of several servers (as of Server.WebSocketURL), and to the next one whenever its
// connection ended. A plain or symphony client waits up to so many milliseconds before it connects again; an npm one decides that itself.
func (p *Puppet) JoinAny(urls []string, kind, name, room string, reconnect int) *Client {
	p.t.Helper()
	return p.joinAt(Command{"client": name, "kind": kind, "room": room, "connect": true, "reconnect": reconnect}, urls)
}

func (p *Puppet) join(c Command, s *Server) *Client {
	p.t.Helper()
	return p.joinAt(c, s.WebSocketURL())
}

func (p *Puppet) joinAt(c Command, urls any) *Client {
	p.t.Helper()
	name, room := c["client"].(string), c["room"].(string)
	c["do"], c["url"], c["room"] = "join", urls, url.PathEscape(room)
	var joined struct{ ClientID uint64 }
	p.Do(c, &joined)
	return &Client{Puppet: p, Name: name, Room: room, ID: joined.ClientID, t: p.t}
}

// Do tells the client to do something; arguments and value may be nil.
func (c *Client) Do(what string, arguments Command, value any) {
	c.t.Helper()
	command := Command{"do": what, "client": c.Name}
	for k, v := range arguments {
		command[k] = v
	}
	c.Puppet.Do(command, value)
}

// State is what the client has.
func (c *Client) State() State {
	c.t.Helper()
	return c.Puppet.State(c.Name)
}

// Present is the presence the client sees, its own included: client id in decimal -> state.
func (c *Client) Present() map[string]json.RawMessage {
	c.t.Helper()
	var present map[string]json.RawMessage
	c.Do("present", nil, &present)
	return present
}

// Status is what the client knows of its connection.
type Status struct {
	Connected     bool
	Synced        bool
	ShouldConnect bool
	Closes        []struct {
		Code   int
		Reason string
	}
	Lost          int   // connections that were established and that the client did not end itself
	Sent, Durable int   // updates of this connection, of a symphony client
	Count         int   // updates that ever became durable, of a symphony or npm client
	Storage       []int // states of storage that a symphony client was told (message 104), of all connections
}

// Status asks the client for it.
func (c *Client) Status() Status {
	c.t.Helper()
	var s Status
	c.Do("status", nil, &s)
	return s
}

// Converged waits until all clients of a room and the server hold the same document, and returns it.
func Converged(t testing.TB, s *Server, room string, clients ...*Client) State {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		first := clients[0].State()
		held := []State{clients[0].Puppet.Load("v1", s.Update(room, "v1"))}
		names := []string{"the server"}
		for _, c := range clients[1:] {
			held = append(held, c.State())
			names = append(names, c.Name)
		}
		different := ""
		for i, state := range held {
			if !bytes.Equal(state.State, first.State) {
				different += "\n" + names[i] + " and " + clients[0].Name + ": " + difference(state, first)
			}
		}
		if different == "" && !first.Pending {
			return first
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for clients and server to hold the same document (pending: %t)%s", patience, first.Pending, different)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// difference shows where two documents differ as people see them.
func difference(a, b State) string {
	for _, part := range []struct{ what, a, b string }{
		{"state vector", string(a.Vector), string(b.Vector)},
		{"text", a.Text, b.Text},
		{"array", string(a.Array), string(b.Array)},
		{"map", string(a.Map), string(b.Map)},
		{"xml", a.XML, b.XML},
	} {
		if part.a == part.b {
			continue
		}
		at := 0
		for at < len(part.a) && at < len(part.b) && part.a[at] == part.b[at] {
			at++
		}
		from := max(0, at-40)
		return fmt.Sprintf("%s at %d:\n  %q\n  %q", part.what, at, cut(part.a, from), cut(part.b, from))
	}
	return fmt.Sprintf("their structs (%d and %d bytes), though they show the same", len(a.State), len(b.State))
}

func cut(s string, from int) string { return s[from:min(len(s), from+120)] }
