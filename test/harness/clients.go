package harness

import (
	"bytes"
	"encoding/json"
	"net/url"
	"testing"
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
	Symphony = "symphony" // speaks symphony.v1
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
	var joined struct{ ClientID uint64 }
	p.Do(Command{"do": "join", "client": name, "kind": kind, "url": s.WebSocketURL(), "room": url.PathEscape(room), "connect": connect}, &joined)
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
	Sent, Durable int
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
	var last State
	Eventually(t, "clients and server to hold the same document", func() bool {
		last = clients[0].State()
		for _, c := range clients[1:] {
			if !bytes.Equal(c.State().State, last.State) {
				return false
			}
		}
		return !last.Pending && bytes.Equal(clients[0].Puppet.Load("v1", s.Update(room, "v1")).State, last.State)
	})
	return last
}
