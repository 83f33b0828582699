package gateway

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

func TestGovernorHoldsLongerTheBusierTheProcessIs(t *testing.T) {
	var g governor
	now, used := time.Unix(0, 0), time.Duration(0)
	step := func(share float64) time.Duration {
		now = now.Add(loadOver)
		used += time.Duration(share * float64(loadOver) * float64(runtime.GOMAXPROCS(0)))
		return g.decide(now, used)
	}
	for i, c := range []struct {
		share float64
		want  time.Duration
	}{
		{1, 0}, // nothing to compare with yet
		{0.8, 0}, {0.9, holdStep}, {0.8, holdStep}, {1, 2 * holdStep}, {1, 3 * holdStep}, {1, maxHold}, {1, maxHold},
		{0.75, maxHold}, {0.6, maxHold - holdStep}, {0, maxHold - 2*holdStep}, {0, holdStep}, {0, 0}, {0, 0},
	} {
		if got := step(c.share); got != c.want {
			t.Fatalf("step %d, at a share of %v: holds for %v, want %v", i, c.share, got, c.want)
		}
	}
	step(1)
	before := g.hold
	if got := g.decide(now.Add(loadOver/2), used+time.Hour); got != before {
		t.Errorf("after too short a time to tell it holds for %v, want %v", got, before)
	}
}

// Held back messages arrive in order and with the first that is not.
func TestBusyGatewayHoldsMessagesBack(t *testing.T) {
	var busy atomic.Bool
	var used time.Duration // of the sweeper alone
	last := time.Now()
	host := &relayHost{}
	g, addr := serve(t, host, Options{FlushEvery: 2 * time.Second, ProcessorTime: func() time.Duration {
		now := time.Now()
		if busy.Load() {
			used += now.Sub(last) * time.Duration(runtime.GOMAXPROCS(0))
		}
		last = now
		return used
	}})
	c := dial(t, addr, "r")
	eventually(t, "joined", func() bool { return len(host.members("r")) == 1 })
	busy.Store(true)
	eventually(t, "holding back", func() bool { return g.hold.Load() > 0 })
	for i := range byte(3) {
		host.send("r", []byte{i}, false)
	}
	out := &host.members("r")[0].member.(*conn).out
	out.mu.Lock()
	held, queued := out.held, out.queued
	out.mu.Unlock()
	if !held || queued != 9 {
		t.Errorf("held %v, %d bytes queued, want true, 9", held, queued)
	}
	busy.Store(false)
	eventually(t, "no longer holding back", func() bool { return g.hold.Load() == 0 })
	host.send("r", []byte{3}, false)
	for i := range byte(4) {
		if got := c.message(); len(got) != 1 || got[0] != i {
			t.Fatalf("message %d is %v", i, got)
		}
	}
}
