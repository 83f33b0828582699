// Package member is a host's part in a cluster: it keeps the host registered, claims rooms before they are opened, and lets go
// of them when the host is drained or somebody else has them.
package member

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/protocol"
)

// Rooms are the rooms that the host has open (room.Host).
type Rooms interface {
	// Evict closes a room's members with why, stores the room and releases it.
	Evict(ctx context.Context, id string, why *protocol.CloseError) error
}

// Options of New. Zero values mean the defaults.
type Options struct {
	// Load is how busy the process is, see cluster.Host; asked once a second. May be nil.
	Load func() float64
	// Once ends the member when it has had a room open and has none any more: see Done.
	Once bool
	// OnFirst is called, in a goroutine of its own, when the host has opened its first room. ctx ends with the member. May be nil.
	OnFirst func(ctx context.Context)
	// Logger discards by default.
	Logger *slog.Logger
}

const (
	updateEvery = time.Second            // at least between two words to the registry about load
	soon        = 50 * time.Millisecond  // after a claim or release until the registry hears the new number of rooms
	claimTime   = 10 * time.Second       // for one call of the registry
	tellTime    = time.Second            // that a drain waits for the registry to know of it, so that the rooms do not come back here
	minRetry    = 100 * time.Millisecond // between attempts to register again
	maxRetry    = 5 * time.Second
	noticed     = 10 * time.Millisecond // until keep has seen that a membership is lost
	linger      = time.Second           // a member with Options.Once waits for another claim of its room, such as that of a Hold
	movedFor    = time.Second           // a room that was moved away is not taken back for so long
	ceded       = time.Second           // a room that somebody had the registry take away is not claimed again for so long
	reclaimers  = 32                    // rooms that are claimed again at the same time
	drainers    = 8                     // rooms that are let go of at the same time
)

// Member is the registration of this process as a host. It implements room.Claims. Safe for concurrent use.
type Member struct {
	registry cluster.Registry
	o        Options
	log      *slog.Logger
	rooms    Rooms // set by Join

	ctx    context.Context // ends with Leave
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	self     cluster.Host
	is       cluster.Membership   // nil before Join
	joined   chan struct{}        // closed while is is not known to be lost
	claimed  map[string]bool      // rooms
	lines    map[string]chan bool // the end of the last call about a room, which the next one waits for
	moving   map[string]string    // room -> the host that gets it; "" for whoever
	moved    map[string]time.Time // when a room may be taken back
	draining bool
	first    bool // a room was open
	left     bool // Leave was called: nothing is added to work any more

	reclaiming chan struct{} // has a place for each of those who claim rooms again

	changed chan struct{} // has a place: the number of rooms changed
	done    chan struct{}
	once    sync.Once
}

// New returns a member that is not registered yet: its claims wait for Join. self needs ID, Address and Capacity.
func New(registry cluster.Registry, self cluster.Host, o Options) *Member {
	m := &Member{
		registry: registry, o: o, log: o.Logger, self: self, joined: make(chan struct{}), claimed: make(map[string]bool),
		lines: make(map[string]chan bool), moving: make(map[string]string), moved: make(map[string]time.Time),
		reclaiming: make(chan struct{}, reclaimers), changed: make(chan struct{}, 1), done: make(chan struct{}),
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m
}

// Join registers the host, which must be ready to serve, and keeps it registered until Leave. It is called once.
func (m *Member) Join(ctx context.Context, rooms Rooms) error {
	m.rooms = rooms
	is, err := m.registry.Join(ctx, m.host())
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.is = is
	close(m.joined)
	m.mu.Unlock()
	m.spawn(func() { m.keep(is) })
	m.spawn(m.report)
	return nil
}

// Done is closed when a member with Options.Once has had a room and has none any more. From then on it takes none.
func (m *Member) Done() <-chan struct{} { return m.done }

// host is what the registry is told.
func (m *Member) host() cluster.Host {
	load := 0.0
	if m.o.Load != nil {
		load = m.o.Load()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.self
	h.Rooms, h.Load, h.Draining = len(m.claimed), load, m.draining
	return h
}

// spawn runs f in a goroutine that Leave waits for. After Leave it does nothing and reports false.
func (m *Member) spawn(f func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.left {
		m.work.Go(f)
	}
	return !m.left
}

// membership waits for a registration that is not known to be lost.
func (m *Member) membership(ctx context.Context) (cluster.Membership, error) {
	m.mu.Lock()
	joined := m.joined
	m.mu.Unlock()
	select {
	case <-joined:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-m.ctx.Done():
		return nil, cluster.ErrNoMember
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.is, nil
}

// report tells the registry what changed of the host.
func (m *Member) report() {
	ticker := time.NewTicker(updateEvery)
	defer ticker.Stop()
	told := cluster.Host{}
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-ticker.C:
		case <-m.changed:
			select { // what changes in a burst is told once
			case <-time.After(soon):
			case <-m.ctx.Done():
				return
			}
		}
		h := m.host()
		if h == told {
			continue
		}
		if err := m.tell(m.ctx, h); err != nil {
			m.log.Warn("the registry could not be told how busy this host is; trying again", "error", err)
			continue
		}
		told = h
	}
}

func (m *Member) tell(ctx context.Context, h cluster.Host) error {
	ctx, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	is, err := m.membership(ctx)
	if err != nil {
		return err
	}
	return is.Update(ctx, h)
}

// keep sees to it that the host stays registered, and that it does not go on with rooms that others have.
func (m *Member) keep(is cluster.Membership) {
	for {
		select {
		case <-m.ctx.Done():
			return
		case id := <-is.Taken():
			m.log.Warn("the registry gave up this host's claim of a room: somebody could not reach it", "room", id)
			m.spawn(func() {
				// First others, who could not reach this host, may have the room: it would not help them to find it here again.
				select {
				case <-time.After(ceded):
					m.reclaim(id)
				case <-m.ctx.Done():
				}
			})
		case <-is.Lost():
			m.log.Error("the registry took this host for dead; registering again")
			if is = m.again(); is == nil {
				return
			}
		}
	}
}

// again registers the host anew and claims its rooms again. It returns nil if the member ended.
func (m *Member) again() cluster.Membership {
	m.mu.Lock()
	m.joined = make(chan struct{})
	m.mu.Unlock()
	for wait := minRetry; ; wait = min(2*wait, maxRetry) {
		ctx, cancel := context.WithTimeout(m.ctx, claimTime)
		is, err := m.registry.Join(ctx, m.host())
		cancel()
		if err == nil {
			m.mu.Lock()
			m.is = is
			close(m.joined)
			rooms := make([]string, 0, len(m.claimed))
			for id := range m.claimed {
				rooms = append(rooms, id)
			}
			m.mu.Unlock()
			m.log.Info("registered again", "rooms", len(rooms))
			for _, id := range rooms {
				m.spawn(func() { m.reclaim(id) })
			}
			return is
		}
		if m.ctx.Err() != nil {
			return nil
		}
		m.log.Error("this host cannot register; trying again", "error", err, "in", wait)
		select {
		case <-time.After(wait):
		case <-m.ctx.Done():
			return nil
		}
	}
}

// reclaim claims a room again that this host has open, or lets go of it if another host has it by now.
func (m *Member) reclaim(id string) {
	mine := false
	for wait := minRetry; ; wait = min(2*wait, maxRetry) {
		var err error
		late := m.inTurn(m.ctx, id, func() { mine, err = m.still(id) })
		if late != nil {
			return
		}
		if err == nil {
			break
		}
		select {
		case <-time.After(wait/2 + rand.N(wait)): // hosts that lost the registry together do not come back together
		case <-m.ctx.Done():
			return
		}
	}
	if mine {
		return
	}
	m.log.Warn("another host serves the room now; this one drops it", "room", id)
	if err := m.rooms.Evict(m.ctx, id, errMoved); err != nil && m.ctx.Err() == nil {
		m.log.Error("a room that another host serves could not be dropped", "room", id, "error", err)
	}
}

// still claims a room again, if it is wanted, and reports whether it is this host's.
func (m *Member) still(id string) (mine bool, err error) {
	select {
	case m.reclaiming <- struct{}{}:
		defer func() { <-m.reclaiming }()
	case <-m.ctx.Done():
		return false, m.ctx.Err()
	}
	if !m.has(id) {
		return true, nil // and not wanted any more
	}
	owner, err := m.ask(m.ctx, id)
	return err == nil && owner.ID == m.self.ID, err
}

// ask claims a room in the registry.
func (m *Member) ask(ctx context.Context, id string) (owner cluster.Host, err error) {
	ctx, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	for {
		is, err := m.membership(ctx)
		if err != nil {
			return cluster.Host{}, err
		}
		owner, err = is.Claim(ctx, id)
		if !errors.Is(err, cluster.ErrNoMember) {
			return owner, err
		}
		select { // keep notices it too, and registers again
		case <-time.After(noticed):
		case <-ctx.Done():
			return cluster.Host{}, err
		}
	}
}

func (m *Member) has(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.claimed[id]
}
