package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/symphony-rtc/symphony/protocol"
)

const (
	restarting = "this server is shutting down: reconnect"
	abortGrace = time.Second // for connections to leave their rooms after their sockets were cut
)

// Drain ends the gateway: new connections are refused with HTTP status 503, all open ones are closed with 4501, spread
// over Options.DrainSpread, and it returns when every one has left its room. When ctx is over first, what is
// left is cut off, and the error says so. Nothing of the gateway runs any more after a nil error. Idempotent.
func (g *Gateway) Drain(ctx context.Context) error {
	g.mu.Lock()
	if !g.draining {
		g.draining = true
		if g.open == 0 {
			close(g.empty)
		}
	}
	g.mu.Unlock()
	g.stopJoins()

	pause := time.NewTimer(0)
	defer pause.Stop()
	for i := range g.shards {
		for _, c := range g.shards[i].appendConns(nil) {
			c.Close(protocol.CloseRestarting, restarting)
		}
		pause.Reset(max(g.opts.DrainSpread, 0) / shardCount)
		select {
		case <-pause.C:
		case <-g.empty:
		case <-ctx.Done():
		}
	}
	err := g.awaitEmpty(ctx)
	g.stopSweeper()
	<-g.sweeper
	if err == nil {
		g.tasks.Wait()
	}
	return err
}

func (g *Gateway) awaitEmpty(ctx context.Context) error {
	select {
	case <-g.empty:
		return nil
	case <-ctx.Done():
	}
	for i := range g.shards {
		for _, c := range g.shards[i].appendConns(nil) {
			c.out.abort(protocol.CloseRestarting)
		}
	}
	select {
	case <-g.empty:
	case <-time.After(abortGrace):
	}
	return fmt.Errorf("close all connections: %w: the rest was cut off", ctx.Err())
}
