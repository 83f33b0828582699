package proxy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/protocol"
)

const (
	registryTimeout = 2 * time.Second        // of one question to the registry
	firstPause      = 20 * time.Millisecond  // before a host that just failed is tried again, if nothing happens before; it doubles
	longestPause    = 500 * time.Millisecond // up to this
)

// resolve finds the host that a route leads to. It is called by one connection of the room at a time. It waits, for the watch
// to tell of a change, when all it knows is what just failed.
func (p *Proxy) resolve(ctx context.Context, to *route) error {
	r := to.room
	r.mu.Lock()
	rest := r.rest(time.Now())
	r.mu.Unlock()
	if rest > 0 {
		p.log.Warn("the hosts of a room break down as soon as they have opened it", "room", r.id, "pause", rest)
		select {
		case <-time.After(rest):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	free := false
	for first := true; ; first = false {
		changed, cancel := p.deps.View.Changed(r.id)
		places := p.places.next()
		host, picked, err := p.look(ctx, r, &free)
		r.mu.Lock()
		again := err == nil && first && host.ID == r.failed && r.tries > 1
		if err != nil {
			r.why = err.Error()
			r.tries++
		}
		tries := r.tries
		r.mu.Unlock()
		if err == nil && !again {
			cancel()
			r.mu.Lock()
			defer r.mu.Unlock()
			to.host, to.picked = host, picked
			return nil
		}
		if picked {
			p.deps.Place.Unused(host.ID)
			<-p.opening
		}
		if err == nil {
			places = nil // it is not a host that is missing
		}
		pause := time.NewTimer(min(firstPause<<min(tries, 10), longestPause))
		select {
		case <-changed:
		case <-places:
		case <-pause.C:
		case <-ctx.Done():
		}
		pause.Stop()
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// look says where the room is, as far as that is known now, or picks a host for it. Then it is one of the few rooms that are
// opened at a time. free is whether the registry has said that nobody serves it: it is not asked again for each host that might take
// the room, for if somebody else was faster the watch tells, and so does the host that is picked.
func (p *Proxy) look(ctx context.Context, r *room, free *bool) (host cluster.Host, picked bool, err error) {
	r.mu.Lock()
	failed := r.failed
	r.mu.Unlock()
	seen, known := p.deps.View.Owner(r.id)
	if known && seen.ID != failed {
		return seen, false, nil
	}
	if known || !*free {
		asking, cancel := context.WithTimeout(ctx, registryTimeout)
		defer cancel()
		owner, err := p.deps.Registry.Owner(asking, r.id)
		switch {
		case err == nil:
			return owner, false, nil
		case !errors.Is(err, cluster.ErrFree):
			if known {
				return seen, false, nil
			}
			return cluster.Host{}, false, fmt.Errorf("the registry does not answer: %w", err)
		}
		*free = true
	}
	select {
	case p.opening <- struct{}{}:
	case <-ctx.Done():
		return cluster.Host{}, false, errors.New("too many rooms are being opened")
	}
	if host, err = p.deps.Place.Pick(r.id, r.avoids); err != nil {
		<-p.opening
		if p.deps.Need != nil {
			p.deps.Need()
		}
		return cluster.Host{}, false, err
	}
	return host, true, nil
}

// unreachable ends the claim of a host that cannot be connected to, so that another one can serve the room.
func (p *Proxy) unreachable(ctx context.Context, to *route) {
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	if err := p.deps.Registry.Forget(ctx, to.room.id, to.host.ID); err != nil {
		p.log.Warn("a host cannot be reached, and its claim not be ended", "room", to.room.id, "host", to.host.ID, "error", err)
		return
	}
	p.events.forgotten.Add(1)
}

// unavailable is what a client is told that no host was found for in time.
func (p *Proxy) unavailable(r *room) error {
	p.events.unavailable.Add(1)
	r.mu.Lock()
	why := r.why
	r.mu.Unlock()
	if why == "" {
		why = "the room is not served in time"
	}
	p.log.Warn("no host was found for a client in time", "room", r.id, "why", why)
	return protocol.Closef(protocol.CloseUnavailable, "no host for this room: %s", why)
}
