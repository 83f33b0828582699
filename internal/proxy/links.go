package proxy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/link"
	"github.com/symphony-rtc/symphony/internal/ws"
)

// links are a proxy's links to hosts: one to each that it has clients with.
type links struct {
	p *Proxy

	mu     sync.Mutex
	byHost map[string]*hostLink // by the host's id
}

// A hostLink is a link, or the attempt to make one.
type hostLink struct {
	made chan struct{} // closed when link or err is known
	link *link.Link
	err  error
	idle bool // it had no streams when the sweep last came by
}

// open opens a stream to a host, on a new link if there is none.
func (ls *links) open(ctx context.Context, host cluster.Host) (*link.Stream, error) {
	for {
		h := ls.to(host)
		select {
		case <-h.made:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if h.err != nil {
			return nil, h.err
		}
		ls.mu.Lock()
		if ls.byHost[host.ID] != h { // the sweep, or somebody who found it broken, was here
			ls.mu.Unlock()
			continue
		}
		s, err := h.link.Open()
		if err == nil {
			h.idle = false
			ls.mu.Unlock()
			return s, nil
		}
		delete(ls.byHost, host.ID)
		ls.mu.Unlock()
	}
}

// to returns the link to a host, which may not be made yet.
func (ls *links) to(host cluster.Host) *hostLink {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	h := ls.byHost[host.ID]
	if h == nil {
		h = &hostLink{made: make(chan struct{})}
		ls.byHost[host.ID] = h
		ls.p.work.Go(func() { ls.make(h, host) })
	}
	return h
}

func (ls *links) make(h *hostLink, host cluster.Host) {
	defer close(h.made)
	if h.link, h.err = ls.p.link(host); h.err == nil {
		return
	}
	ls.p.events.dialErrors.Add(1)
	ls.mu.Lock()
	defer ls.mu.Unlock()
	delete(ls.byHost, host.ID)
}

// link makes a link to a host.
func (p *Proxy) link(host cluster.Host) (*link.Link, error) {
	p.events.dials.Add(1)
	began := time.Now()
	ctx, cancel := context.WithTimeout(p.ctx, p.opts.DialTimeout)
	defer cancel()
	network, addr := address(host.Address)
	nc, err := p.dialer().DialContext(ctx, network, addr)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", p.undialed(host.ID, began, err), err)
	}
	_ = nc.SetDeadline(time.Now().Add(p.opts.AnswerTimeout))
	// Not closed: a link that has begun writes to the bare descriptor, and closes it when that is over (see ws.Socket).
	stop := context.AfterFunc(p.ctx, func() { _ = nc.SetDeadline(ws.LongAgo) })
	defer stop()
	l, err := link.Client(nc, host.ID)
	switch {
	case errors.Is(err, link.ErrOther):
		err = fmt.Errorf("%w: %w", errUnreachable, err)
	case errors.Is(err, link.ErrRefused):
		err = fmt.Errorf("%w: %w", errRefused, err)
	}
	return l, err
}

// count is how many links there are.
func (ls *links) count() (n int) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, h := range ls.byHost {
		select {
		case <-h.made:
			n++
		default:
		}
	}
	return n
}

// sweep ends links that have had no streams for a while.
func (ls *links) sweep() {
	var idle []*link.Link
	ls.mu.Lock()
	for id, h := range ls.byHost {
		select {
		case <-h.made:
		default:
			continue
		}
		switch {
		case h.err != nil || h.link.Streams() > 0:
			h.idle = false
		case h.idle:
			delete(ls.byHost, id)
			idle = append(idle, h.link)
		default:
			h.idle = true
		}
	}
	ls.mu.Unlock()
	for _, l := range idle {
		l.Close()
	}
}

// end ends all links. Nobody may open streams any more.
func (ls *links) end() {
	ls.mu.Lock()
	all := ls.byHost
	ls.byHost = make(map[string]*hostLink)
	ls.mu.Unlock()
	for _, h := range all {
		<-h.made
		if h.err == nil {
			h.link.Close()
		}
	}
}
