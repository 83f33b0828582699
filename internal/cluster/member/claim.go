package member

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/protocol"
)

var (
	errMoved    = protocol.Closef(protocol.CloseMoved, "the room moves to another host; reconnect")
	errDraining = protocol.Closef(protocol.CloseRestarting, "this host takes no more rooms; reconnect")
)

// Claim implements room.Claims.
func (m *Member) Claim(ctx context.Context, id string) error {
	var err error
	if late := m.inTurn(ctx, id, func() { err = m.claim(ctx, id) }); late != nil {
		return fmt.Errorf("claim room %q: an earlier claim of it is still being ended: %w", id, late)
	}
	return err
}

func (m *Member) claim(ctx context.Context, id string) error {
	m.mu.Lock()
	draining, until := m.draining, m.moved[id]
	m.mu.Unlock()
	switch {
	case draining:
		m.decline(ctx, id)
		return errDraining
	case time.Now().Before(until):
		// It may have been given back meanwhile.
		if owner, err := m.registry.Owner(ctx, id); err != nil || owner.ID != m.self.ID {
			return errMoved
		}
	}
	owner, err := m.ask(ctx, id)
	if err != nil {
		m.disown(id)
		return fmt.Errorf("claim room %q: %w", id, err)
	}
	if owner.ID != m.self.ID {
		return protocol.Closef(protocol.CloseMoved, "the host %s serves the room; reconnect", owner.ID)
	}
	m.mu.Lock()
	delete(m.moved, id)
	m.claimed[id] = true
	m.mu.Unlock()
	m.changes()
	return nil
}

// Opened implements room.Claims.
func (m *Member) Opened(string) {
	m.mu.Lock()
	first := !m.first
	m.first = true
	m.mu.Unlock()
	if first && m.o.OnFirst != nil {
		m.spawn(func() { m.o.OnFirst(m.ctx) })
	}
}

// decline gives up a room that another host named this one for. Without that it would be nobody's until this host is gone.
func (m *Member) decline(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	is, err := m.membership(ctx)
	if err == nil {
		err = is.Release(ctx, id, "")
	}
	if err != nil {
		m.log.Warn("a room that was brought to this host, which is being drained, could not be declined", "room", id, "error", err)
	}
}

// Release implements room.Claims.
func (m *Member) Release(id string) {
	m.mu.Lock()
	delete(m.claimed, id)
	m.mu.Unlock()
	m.later(id, func() { m.release(id) })
}

// disown ends a claim that failed, because it may have taken effect all the same: the room would be nobody's as long as this host
// lives. If it was claimed again by then it stays.
func (m *Member) disown(id string) {
	m.later(id, func() {
		if !m.has(id) {
			m.release(id)
		}
	})
}

// later runs f in a goroutine when the calls about the room that came before are over. After Leave it does nothing: every claim
// is gone with the membership.
func (m *Member) later(id string, f func()) {
	enter, leave := m.turn(id)
	started := m.spawn(func() {
		<-enter
		f()
		leave()
		m.changes()
		m.retire()
	})
	if !started {
		leave()
	}
}

// retire ends a member with Options.Once that had a room and has none any more, if it stays so for a moment. A room that could not be
// opened does not count: while storage is away, or somebody comes again and again for a deleted room, each attempt would cost a host.
func (m *Member) retire() {
	for m.o.Once {
		select {
		case <-time.After(linger):
		case <-m.ctx.Done():
			return
		}
		m.mu.Lock()
		claiming := len(m.lines) > 0
		over := m.first && len(m.claimed) == 0
		if over && !claiming {
			m.draining = true
		}
		m.mu.Unlock()
		switch {
		case !over:
			return
		case !claiming:
			m.changes()
			m.once.Do(func() { close(m.done) })
			return
		}
	}
}

// release ends a claim in the registry. It tries until it succeeds, since the room would stay with a host that does not have it
// any more; but not longer than the membership lasts, with which all its claims end.
func (m *Member) release(id string) {
	m.mu.Lock()
	to := m.moving[id]
	delete(m.moving, id)
	is := m.is
	m.mu.Unlock()
	if is == nil { // it has not joined: it has no claims
		return
	}
	for wait := minRetry; ; wait = min(2*wait, maxRetry) {
		ctx, cancel := context.WithTimeout(m.ctx, claimTime)
		err := is.Release(ctx, id, to)
		cancel()
		if err == nil {
			return
		}
		select {
		case <-is.Lost():
			return
		case <-m.ctx.Done():
			return
		case <-time.After(wait):
		}
		m.log.Warn("the claim of a closed room could not be ended; trying again", "room", id, "error", err, "in", wait)
	}
}

// Move lets go of a room, for the host with the id to, or for whichever is chosen if that is empty. Members are told to look for
// the room anew. It returns when the room is gone from here, at once if it is not here.
func (m *Member) Move(ctx context.Context, id, to string) error {
	m.mu.Lock()
	switch {
	case !m.claimed[id]:
		m.mu.Unlock()
		return nil
	case to == m.self.ID:
		m.mu.Unlock()
		return fmt.Errorf("move room %q: this host, %s, serves it already", id, to)
	}
	now := time.Now()
	maps.DeleteFunc(m.moved, func(_ string, until time.Time) bool { return now.After(until) })
	m.moving[id] = to
	m.moved[id] = now.Add(movedFor)
	m.mu.Unlock()
	err := m.rooms.Evict(ctx, id, errMoved)
	if err != nil {
		m.mu.Lock()
		delete(m.moving, id)
		delete(m.moved, id)
		m.mu.Unlock()
		return fmt.Errorf("move room %q: %w", id, err)
	}
	// The claim ends in its turn; who asks for the room after Move has to see that.
	if err := m.inTurn(ctx, id, func() {}); err != nil {
		return fmt.Errorf("move room %q: it is gone from here, but the registry could not be told: %w", id, err)
	}
	return nil
}

// Drain makes the host take no more rooms and lets go of those it has, some at a time, so that each is without a host only for
// as long as it takes to store it and to open it elsewhere. Rooms that are left when ctx ends are an error.
func (m *Member) Drain(ctx context.Context) error {
	m.mu.Lock()
	m.draining = true
	rooms := make([]string, 0, len(m.claimed))
	for id := range m.claimed {
		rooms = append(rooms, id)
	}
	m.mu.Unlock()
	telling, cancel := context.WithTimeout(ctx, tellTime)
	if err := m.tell(telling, m.host()); err != nil {
		m.log.Warn("the registry could not be told yet that this host is being drained", "error", err)
	}
	cancel()
	var failed error
	var mu sync.Mutex
	next := make(chan string)
	var work sync.WaitGroup
	for range min(drainers, len(rooms)) {
		work.Go(func() {
			for id := range next {
				if err := m.rooms.Evict(ctx, id, errMoved); err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
				}
			}
		})
	}
	for _, id := range rooms {
		next <- id
	}
	close(next)
	work.Wait()
	return failed
}

// Leave ends the registration. Rooms should be closed before. When it returns nothing of the member runs any more.
func (m *Member) Leave(ctx context.Context) error {
	m.mu.Lock()
	is := m.is
	m.left = true
	m.mu.Unlock()
	var err error
	if is != nil {
		// Claims that are being ended would end with the membership, but a successor that was named gets the room only so.
		m.settle(ctx)
		err = is.Leave(ctx)
	}
	m.cancel()
	m.work.Wait()
	m.mu.Lock()
	last := m.is
	m.mu.Unlock()
	if last != is { // it was registering again
		err = errors.Join(err, last.Leave(ctx))
	}
	return err
}

// settle waits for the calls about rooms that are under way.
func (m *Member) settle(ctx context.Context) {
	for {
		m.mu.Lock()
		var line chan bool
		for _, line = range m.lines {
			break
		}
		m.mu.Unlock()
		if line == nil {
			return
		}
		select {
		case <-line:
		case <-ctx.Done():
			return
		}
	}
}

// changes has the registry told that the number of rooms changed.
func (m *Member) changes() {
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// turn takes a place in the line of calls about a room: enter says when it has come, leave gives it to the next.
func (m *Member) turn(id string) (enter <-chan bool, leave func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.lines[id]
	if before == nil {
		before = make(chan bool)
		close(before)
	}
	mine := make(chan bool)
	m.lines[id] = mine
	return before, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		close(mine)
		if m.lines[id] == mine {
			delete(m.lines, id)
		}
	}
}

// inTurn runs f when the calls about the room that came before are over. An error says that f was not run, because ctx or the member
// ended before that.
func (m *Member) inTurn(ctx context.Context, id string, f func()) error {
	enter, leave := m.turn(id)
	select {
	case <-enter:
	case <-ctx.Done():
	case <-m.ctx.Done():
		ctx = m.ctx
	}
	select {
	case <-enter:
		defer leave()
		f()
		return nil
	default:
	}
	pass := func() { // those who come later wait for those who came before
		<-enter
		leave()
	}
	if !m.spawn(pass) {
		pass() // what is under way ends with the member
	}
	return ctx.Err()
}

// Self returns what the registry was last told of this host, or will be.
func (m *Member) Self() cluster.Host { return m.host() }
