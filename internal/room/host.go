package room

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/symphony-rtc/symphony/protocol"
)

// Options configure a Host. Zero values mean the defaults.
type Options struct {
	Grace         time.Duration // how long an empty room stays open; 30 s
	SnapshotEvery time.Duration // how often a room that changes is stored as a snapshot; 30 s
	MaxDocument   int           // bytes of memory of a room's document; 512 MiB. Updates that add to it are refused
	MaxMembers    int           // per room; 1,000
	MaxRooms      int           // open at once; 100,000
	MaxBacklog    int           // bytes of a room's updates that wait for the journal; 64 MiB. Updates over it are refused
	MaxWaiting    int           // bytes of all rooms' updates that wait for the journal; 256 MiB. Updates over it are refused
	MaxMessage    int           // bytes; what clients are told, the gateway enforces it
	Logger        *slog.Logger  // discards by default
	Observer      Observer      // may be nil
	Visits        Visits        // may be nil
	Claims        Claims        // may be nil: this host is the only one
}

// Observer hears of what the people who run a host want to see. Its methods are called from several goroutines.
type Observer interface {
	RoomOpened(took time.Duration, err error)
	SnapshotStored(took time.Duration, bytes int, err error)
}

// Visit is one stay of a connection in a room.
type Visit struct {
	Room       string
	Connection string // unique in its room: what Hello tells the client
	Epoch      uint64 // of the opening
	Symphony   bool   // it speaks symphony.v1
	Joined     time.Time
	Left       time.Time // zero while it lasts
	Reason     string    // why it ended, if the room ended it
}

// Visits hears of everybody who comes and goes, for the record. Its methods are called with a room's lock held and must return at once.
type Visits interface {
	Joined(Visit)
	Left(Visit)
}

// crowd is the number of members from which on relayed messages wait for the members' next flush: then one write
// carries many messages. In smaller rooms there would be nothing to gather.
const crowd = 16

// savers is how many rooms are stored at the same time: enough to keep a disk or bucket busy, few enough to bound the
// memory that encoded snapshots take.
const savers = 8

func (o Options) withDefaults() Options {
	setDefault(&o.Grace, 30*time.Second)
	setDefault(&o.SnapshotEvery, 30*time.Second)
	setDefault(&o.MaxDocument, 512<<20)
	setDefault(&o.MaxMembers, 1000)
	setDefault(&o.MaxRooms, 100_000)
	setDefault(&o.MaxBacklog, 64<<20)
	setDefault(&o.MaxWaiting, 256<<20)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Host serves rooms: it opens them when the first member joins and closes them after the last one left.
// Safe for concurrent use.
type Host struct {
	store Store
	opts  Options
	now   func() time.Time
	spawn func(func()) // runs a room's snapshot or release elsewhere, a few at a time
	start func(func()) // runs what must not wait for others, such as a room's load, elsewhere. Not called with a room's lock held

	stats Stats
	ids   atomic.Uint64

	mu       sync.Mutex
	rooms    map[string]*room
	held     map[string]chan struct{} // ids that nobody may open just now; closed when they may
	claiming map[*room]chan struct{}  // rooms of which it is not known yet whether this host gets them; closed when it is
	draining bool                     // no room is entered any more
	ended    bool                     // nothing is added to work any more

	ctx    context.Context // of all I/O; ends when Close gives up
	cancel context.CancelFunc
	work   sync.WaitGroup // everything that spawn and start started, and the ticker
	stop   chan struct{}  // ends the ticker
}

// Stats counts what a host did since it started. Read with Load.
type Stats struct {
	Updates        atomic.Int64 // that changed a document
	UpdateBytes    atomic.Int64
	Duplicates     atomic.Int64 // updates that changed nothing
	PresenceUpdate atomic.Int64 // that were relayed
	Events         atomic.Int64 // broadcast events that were relayed
	Relayed        atomic.Int64 // messages handed to members
	Malformed      atomic.Int64 // messages that ended their connection
	StoreErrors    atomic.Int64 // failed snapshots, releases and openings, journal delays
	Fenced         atomic.Int64 // rooms lost to another host
	Panics         atomic.Int64 // faults that were contained in their room
}

// NewHost returns a host that keeps its rooms in store. Close ends it.
func NewHost(store Store, opts Options) *Host {
	h := newHost(store, opts)
	h.now = time.Now
	slots := make(chan struct{}, savers)
	h.spawn = func(job func()) {
		h.run(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			job()
		})
	}
	h.start = func(job func()) {
		if !h.run(job) {
			job()
		}
	}
	h.run(func() {
		ticker := time.NewTicker(tickEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				h.tick()
			case <-h.stop:
				return
			}
		}
	})
	return h
}

// newHost returns a host that does nothing by itself: whoever calls it sets now, spawn and start, and calls tick.
func newHost(store Store, opts Options) *Host {
	h := &Host{store: store, opts: opts.withDefaults(), rooms: make(map[string]*room), held: make(map[string]chan struct{}),
		claiming: make(map[*room]chan struct{}), stop: make(chan struct{})}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// run starts a goroutine that Close waits for. When Close is over it does nothing and reports false.
func (h *Host) run(job func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.ended {
		h.work.Go(job)
	}
	return !h.ended
}

// finish waits for everything that was started, after which nothing more is.
func (h *Host) finish() {
	h.mu.Lock()
	h.ended = true
	h.mu.Unlock()
	h.work.Wait()
}

// Stats returns the host's counters.
func (h *Host) Stats() *Stats { return &h.stats }

// JoinOptions is what the gateway knows about a connection.
type JoinOptions struct {
	Symphony bool // the connection speaks symphony.v1: send hello and durable
	ReadOnly bool // updates of this connection are refused
}

// Join opens the room if it is not open, waits until it is loaded (not longer than ctx), and makes m a member: the
// greeting (sync step 1, presence; hello and the state of storage for symphony.v1) is sent through m before Join returns. The error is
// a *protocol.CloseError.
func (h *Host) Join(ctx context.Context, id string, m Member, o JoinOptions) (s *Session, err error) {
	err = h.reach(ctx, id, func(r *room) (wait <-chan struct{}, err error) {
		s, wait, err = r.join(m, o)
		return wait, err
	})
	return s, err
}

// reach opens the room if it is not open, waits until it is loaded, and calls use. If use returns a channel, the room is
// on its way out: reach waits for that and begins again. Errors of its own are *protocol.CloseError.
func (h *Host) reach(ctx context.Context, id string, use func(*room) (wait <-chan struct{}, err error)) error {
	for {
		r, fresh, held, err := h.enter(id)
		if err != nil {
			return err
		}
		if held != nil {
			select {
			case <-held:
				continue
			case <-ctx.Done():
				return protocol.Closef(protocol.CloseUnavailable, "the room is being changed, or waits for a place; try again")
			}
		}
		if fresh {
			h.start(r.load)
		}
		select {
		case <-r.loaded:
		case <-ctx.Done():
			return protocol.Closef(protocol.CloseUnavailable, "the room was not loaded in time; try again")
		}
		wait, err := use(r)
		if wait == nil {
			return err
		}
		select {
		case <-wait: // the room was just being closed
		case <-ctx.Done():
			return protocol.Closef(protocol.CloseUnavailable, "the room is being stored; try again")
		}
	}
}

// enter returns the room, which may still be loading; a fresh one has to be started. While the room is held, or it is not known
// whether there is a place for it, it returns what to wait for instead.
func (h *Host) enter(id string) (r *room, fresh bool, held <-chan struct{}, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return nil, false, nil, errShutdown
	}
	if held := h.held[id]; held != nil {
		return nil, false, held, nil
	}
	if r := h.rooms[id]; r != nil {
		return r, false, nil, nil
	}
	if len(h.rooms) >= h.opts.MaxRooms {
		for _, known := range h.claiming { // it may lose that race and have a place again
			return nil, false, known, nil
		}
		if c := h.opts.Claims; c != nil { // somebody may have named this host for it; a later claim is after this
			c.Release(id)
		}
		return nil, false, nil, protocol.Closef(protocol.CloseFull, "this server has its limit of %d rooms open", h.opts.MaxRooms)
	}
	r = newRoom(h, id)
	h.rooms[id] = r
	if h.opts.Claims != nil {
		h.claiming[r] = make(chan struct{})
	}
	return r, true, nil, nil
}

// claimed notes that it is known whether this host gets a room; if it does not, the room has ended already.
func (h *Host) claimed(r *room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.claiming[r])
	delete(h.claiming, r)
}

// forget removes a room that is gone.
func (h *Host) forget(r *room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms[r.id] == r {
		delete(h.rooms, r.id)
	}
}

// open returns the rooms that are in memory, loading ones included.
func (h *Host) open() []*room {
	h.mu.Lock()
	defer h.mu.Unlock()
	rooms := make([]*room, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	return rooms
}

// tickEvery is how often rooms look at the clock.
const tickEvery = time.Second

func (h *Host) tick() {
	now := h.now()
	for _, r := range h.open() {
		r.tick(now)
	}
}

// errShutdown is what members and joiners are told when the host ends.
var errShutdown = protocol.Closef(protocol.CloseRestarting, "the server is shutting down; reconnect")

// Close ends the host: no room is entered any more, members are told to reconnect, every room is stored and released.
// If ctx ends first, Close stops waiting and returns an error that says how many rooms were left; their durable
// updates are in the journal.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	first := !h.draining
	h.draining = true
	h.mu.Unlock()
	if first {
		close(h.stop)
	}
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	var left []*room
	for {
		if left = h.open(); len(left) == 0 {
			break
		}
		now := h.now()
		for _, r := range left {
			r.evict(now, errShutdown)
		}
		select {
		case <-ctx.Done():
			h.cancel()
			h.finish()
			for _, r := range left {
				r.abandon()
			}
			return fmt.Errorf("closing rooms: %d of them were not stored in time (for example %q); what was acknowledged is in the journal: %w",
				len(left), left[0].id, ctx.Err())
		case <-poll.C:
		}
	}
	h.finish()
	h.cancel()
	return nil
}

// Health returns why the host cannot do its work just now, nil if it can: errors of storage, one for each room, at
// most ten.
func (h *Host) Health() error {
	var errs []error
	for _, r := range h.open() {
		if err := r.trouble(); err != nil {
			errs = append(errs, fmt.Errorf("room %q: %w", r.id, err))
			if len(errs) == 10 {
				break
			}
		}
	}
	return errors.Join(errs...)
}
