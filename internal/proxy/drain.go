package proxy

import (
	"context"
	"fmt"
	"time"

	"github.com/symphony-rtc/symphony/protocol"
)

var errRestarting = protocol.Closef(protocol.CloseRestarting, "this proxy is shutting down: reconnect")

// abortGrace is how long connections may take to end after they were cut off.
const abortGrace = time.Second

// Drain ends the proxy: new connections are refused with HTTP status 503, all open ones are closed with 4501, spread over
// Options.DrainSpread, and it returns when the last one is gone. When ctx is over first, what is left is cut off, and the
// error says so. Nothing of the proxy runs any more after a nil error. Idempotent.
func (p *Proxy) Drain(ctx context.Context) error {
	p.mu.Lock()
	if !p.draining {
		p.draining = true
		p.checkEmpty()
	}
	p.mu.Unlock()
	list := p.appendConns(nil)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for i, c := range list {
		c.end(errRestarting)
		if i%32 != 31 {
			continue
		}
		pause.Reset(max(p.opts.DrainSpread, 0) * 32 / time.Duration(len(list)))
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
	}
	var err error
	select {
	case <-p.empty:
	case <-ctx.Done():
		for _, c := range p.appendConns(nil) {
			c.abort()
		}
		select {
		case <-p.empty:
		case <-time.After(abortGrace):
		}
		err = fmt.Errorf("close all connections: %w: the rest was cut off", ctx.Err())
	}
	p.cancel()
	p.links.end()
	if err == nil {
		p.work.Wait()
	}
	return err
}
