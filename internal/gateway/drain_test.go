package gateway

import (
	"context"
	"errors"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/protocol"
)

func TestDrain(t *testing.T) {
	host := &relayHost{}
	g := New(host, Options{DrainSpread: 20 * time.Millisecond})
	server := httptest.NewServer(g)
	defer server.Close()
	addr := server.Listener.Addr().String()
	var clients []*client
	for range 100 {
		clients = append(clients, dial(t, addr, "r"))
	}
	drained := make(chan error)
	go func() { drained <- g.Drain(t.Context()) }()
	for _, c := range clients {
		if code, reason := c.closed(); code != protocol.CloseRestarting || reason == "" {
			t.Errorf("closed with %d %q", code, reason)
		}
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if s := g.Stats(); s.Connections != 0 || len(host.members("r")) != 0 || s.Closed[protocol.CloseRestarting] != 100 {
		t.Errorf("%d members; %+v", len(host.members("r")), s)
	}
	if _, response := request(t, addr, "/rooms/r", nil); response.StatusCode != 503 {
		t.Errorf("afterwards: %s", response.Status)
	}
	if err := g.Drain(t.Context()); err != nil {
		t.Errorf("once more: %v", err)
	}
}

// A client that does not hang up, or a room that does not load, cannot hold up the end for longer than it may take.
func TestDrainIsBounded(t *testing.T) {
	var held sync.WaitGroup
	held.Add(1)
	host := &relayHost{join: func(id string) error {
		if id == "stuck" {
			held.Wait()
		}
		return nil
	}}
	g := New(host, Options{DrainSpread: -1, CloseTimeout: time.Hour})
	server := httptest.NewServer(g)
	defer server.Close()
	addr := server.Listener.Addr().String()
	dial(t, addr, "r")
	stuck := dial(t, addr, "stuck")
	eventually(t, "joined", func() bool { return len(host.members("r")) == 1 && g.Stats().Connections == 2 })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := g.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("drained: %v", err)
	}
	held.Done()
	_ = stuck
	eventually(t, "the end of the rest", func() bool { return g.Stats().Connections == 0 })
	if n := len(host.members("r")) + len(host.members("stuck")); n != 0 {
		t.Errorf("%d members", n)
	}
}

// Who waits for a room while the gateway ends is told so, and not that the room cannot be loaded: elsewhere it can.
func TestDrainTellsThoseWhoWait(t *testing.T) {
	var g *Gateway
	host := &relayHost{join: func(string) error {
		<-g.joining.Done()
		return protocol.Closef(protocol.CloseUnavailable, "not in time")
	}}
	g = New(host, Options{DrainSpread: -1})
	server := httptest.NewServer(g)
	defer server.Close()
	c := dial(t, server.Listener.Addr().String(), "r")
	eventually(t, "waiting", func() bool { return g.Stats().Connections == 1 })
	drained := make(chan error)
	go func() { drained <- g.Drain(t.Context()) }()
	if code, _ := c.closed(); code != protocol.CloseRestarting {
		t.Errorf("closed with %d", code)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
}
