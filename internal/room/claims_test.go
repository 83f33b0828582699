package room

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/symphony-rtc/symphony/protocol"
)

// The simulation of claims: two hosts whose people open, write, leave, evict and hold the same rooms, on a fake clock, with a registry
// and a store of which every call takes a while and may fail. As long as no lease ends, a host has the claim of a room from before it
// opens it until after it let go of it, so nobody is ever fenced.

// ledger is the registry and the store.
type ledger struct {
	t    *testing.T
	seed uint64

	mu     sync.Mutex
	rng    *rand.Rand
	owner  map[string]*claimant
	live   map[string]*ledgerHandle
	last   map[string]uint64 // newest durable update
	counts map[string]int
}

func (l *ledger) errorf(format string, args ...any) {
	l.t.Helper()
	l.t.Errorf("seed %d: %s", l.seed, fmt.Sprintf(format, args...))
}

var errLedger = errors.New("simulated: no answer")

// wait takes a while, and fails once in so many times.
func (l *ledger) wait(ctx context.Context, fails int) error {
	l.mu.Lock()
	d, failed := time.Duration(l.rng.IntN(300))*time.Millisecond, l.rng.IntN(fails) == 0
	l.mu.Unlock()
	select {
	case <-time.After(d):
	case <-ctx.Done():
		return ctx.Err()
	}
	if failed {
		return errLedger
	}
	return nil
}

// claimant is one host at the ledger. It implements Claims and Store.
type claimant struct {
	*ledger
	name string
}

func (c *claimant) Claim(ctx context.Context, id string) error {
	if err := c.wait(ctx, 8); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.owner[id] {
	case nil:
		c.owner[id] = c
		return nil
	case c:
		c.errorf("host %s claims %s twice", c.name, id)
		return nil
	}
	c.counts["lost"]++
	return protocol.Closef(protocol.CloseMoved, "the other host")
}

func (c *claimant) Opened(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.live[id]; h == nil || h.c != c {
		c.errorf("host %s says that %s is open", c.name, id)
	}
	c.counts["opened"]++
}

func (c *claimant) Release(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owner[id] != c {
		c.counts["of nothing"]++
		return
	}
	if h := c.live[id]; h != nil {
		c.errorf("host %s gives up its claim of %s, which host %s has open", c.name, id, h.c.name)
	}
	delete(c.owner, id)
	c.counts["released"]++
}

func (c *claimant) Open(ctx context.Context, id string, events JournalEvents) (Handle, Stored, error) {
	c.mine(id, "opens")
	if err := c.wait(ctx, 8); err != nil {
		return nil, Stored{}, err
	}
	c.mine(id, "opens")
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.live[id]; h != nil {
		c.errorf("host %s opens %s while host %s has it open", c.name, id, h.c.name)
	}
	h := &ledgerHandle{c: c, id: id, events: events, durable: c.last[id]}
	c.live[id] = h
	return h, Stored{Epoch: 1, Generation: 1, LastSeq: c.last[id]}, nil
}

// mine checks that the host has the claim of a room.
func (c *claimant) mine(id, does string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owner[id] != c {
		c.errorf("host %s %s %s without having claimed it", c.name, does, id)
	}
}

func (c *claimant) Salvage(context.Context, string) (Stored, error) { return Stored{}, errLedger }
func (c *claimant) Backlog() int                                    { return 0 }

type ledgerHandle struct {
	c       *claimant
	id      string
	events  JournalEvents
	durable uint64
	before  chan struct{} // closed when what was appended last is durable; nil if nothing was
}

func (h *ledgerHandle) Append(seq uint64, _ []byte) {
	h.c.mine(h.id, "writes to")
	before, done := h.before, make(chan struct{})
	h.before = done
	go func() {
		defer close(done)
		if before != nil {
			<-before
		}
		for h.c.wait(context.Background(), 4) != nil { // commits are tried again
			continue
		}
		h.c.mine(h.id, "writes to")
		h.c.mu.Lock()
		h.durable = max(h.durable, seq)
		h.c.last[h.id] = h.durable
		h.c.mu.Unlock()
		h.events.Committed(seq)
	}()
}

func (h *ledgerHandle) Backlog() int { return 0 }

func (h *ledgerHandle) Save(ctx context.Context, through uint64, _ []byte) error {
	h.c.mine(h.id, "stores")
	err := h.c.wait(ctx, 4)
	h.c.mine(h.id, "stores")
	return err
}

func (h *ledgerHandle) Release(ctx context.Context) error {
	h.c.mine(h.id, "lets go of")
	if err := h.c.wait(ctx, 4); err != nil {
		return err
	}
	h.c.mine(h.id, "lets go of")
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	if h.c.live[h.id] == h {
		delete(h.c.live, h.id)
	}
	return nil
}

// visitor is a Member that leaves when it is told to.
type visitor struct {
	recorder
	away chan struct{}
	once sync.Once
}

func (v *visitor) Close(code protocol.CloseCode, reason string) {
	v.recorder.Close(code, reason)
	v.once.Do(func() { close(v.away) })
}

// live is what somebody does on a host until the time is over.
func live(h *Host, c *claimant, rng *rand.Rand, until time.Time) {
	pause := func(most int) { time.Sleep(time.Duration(rng.IntN(most)) * time.Millisecond) }
	for time.Now().Before(until) {
		id := fmt.Sprint("room ", rng.IntN(3))
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+rng.IntN(4000))*time.Millisecond)
		switch rng.IntN(8) {
		case 0:
			_ = h.Evict(ctx, id, errEvicted)
		case 1:
			err := h.Hold(ctx, id, errEvicted, func() error {
				c.mine(id, "holds")
				pause(500)
				c.mine(id, "holds")
				c.mu.Lock()
				defer c.mu.Unlock()
				if c.live[id] != nil {
					c.errorf("host %s holds %s, which is open", c.name, id)
				}
				c.counts["held"]++
				return nil
			})
			_ = err
		default:
			v := &visitor{away: make(chan struct{})}
			s, err := h.Join(ctx, id, v, JoinOptions{Symphony: true})
			if err != nil {
				break
			}
			if rng.IntN(2) == 0 {
				_ = receive(s, updateMessage(letter(byte(1+rng.IntN(120))))...)
			}
			select {
			case <-v.away:
			case <-time.After(time.Duration(rng.IntN(3000)) * time.Millisecond):
			}
			s.Leave()
		}
		cancel()
		pause(500)
	}
}

func TestClaimsAreHeldAsLongAsRoomsAreOpen(t *testing.T) {
	counts := make(map[string]int)
	seeds := uint64(60)
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			l := &ledger{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 0)), owner: make(map[string]*claimant),
				live: make(map[string]*ledgerHandle), last: make(map[string]uint64), counts: counts}
			var people sync.WaitGroup
			var hosts []*Host
			until := time.Now().Add(time.Minute)
			rng := rand.New(rand.NewPCG(seed, 1))
			for i, name := range []string{"a", "b"} {
				c := &claimant{l, name}
				h := NewHost(c, Options{Claims: c, MaxRooms: 2, Grace: time.Duration(1 + rng.IntN(2_000_000_000)), SnapshotEvery: 3 * time.Second})
				hosts = append(hosts, h)
				for n := range 4 {
					rng := rand.New(rand.NewPCG(seed, uint64(2+10*i+n)))
					people.Go(func() { live(h, c, rng, until) })
				}
			}
			people.Wait()
			for _, h := range hosts {
				mustClose(t, h)
			}
			if len(l.owner) > 0 || len(l.live) > 0 {
				l.errorf("%d claims and %d open rooms are left", len(l.owner), len(l.live))
			}
		})
		if t.Failed() {
			return
		}
	}
	for _, what := range []string{"lost", "opened", "released", "held", "of nothing"} {
		if counts[what] == 0 {
			t.Errorf("it never happened: %s", what)
		}
	}
	t.Logf("%v", counts)
}

// slowClaims make a claim wait.
type slowClaims struct {
	gate     chan struct{}
	released []string
}

func (c *slowClaims) Claim(context.Context, string) error { <-c.gate; return nil }
func (c *slowClaims) Opened(string)                       {}
func (c *slowClaims) Release(id string)                   { c.released = append(c.released, id) }

// A claim that succeeds after the host gave up on its rooms is given back.
func TestClaimThatComesTooLateIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &slowClaims{gate: make(chan struct{})}
		store := newSlowStore(t)
		h := NewHost(store, Options{Claims: c})
		joined := joining(h, &recorder{})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		closed := make(chan error, 1)
		go func() { closed <- h.Close(ctx) }()
		<-ctx.Done()
		synctest.Wait()
		close(c.gate)
		if err := <-closed; err == nil {
			t.Error("all was closed in time")
		}
		if s := <-joined; s != nil {
			t.Error("somebody joined")
		}
		if len(c.released) != 1 {
			t.Errorf("released: %q", c.released)
		}
	})
}

// raceClaims are claims that wait, and are then lost or won.
type raceClaims struct {
	slowClaims
	lost map[string]bool
}

func (c *raceClaims) Claim(ctx context.Context, id string) error {
	if err := c.slowClaims.Claim(ctx, id); err != nil || !c.lost[id] {
		return err
	}
	return protocol.Closef(protocol.CloseMoved, "the other host")
}

// A host for one room is not full while it may still lose the race for that.
func TestPlaceOfARoomThatIsNotWonYet(t *testing.T) {
	for _, lost := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			c := &raceClaims{slowClaims{gate: make(chan struct{})}, map[string]bool{"raced for": lost}}
			h := NewHost(newSlowStore(t), Options{Claims: c, MaxRooms: 1})
			var errs [2]error
			var people sync.WaitGroup
			for i, id := range []string{"raced for", "free"} {
				people.Go(func() {
					s, err := h.Join(t.Context(), id, &recorder{}, JoinOptions{})
					if errs[i] = err; err == nil {
						s.Leave()
					}
				})
				synctest.Wait() // the first has the place
			}
			close(c.gate)
			synctest.Wait()
			people.Wait()
			if lost {
				wantCode(t, errs[0], protocol.CloseMoved)
				if errs[1] != nil {
					t.Error(errs[1])
				}
			} else {
				wantCode(t, errs[1], protocol.CloseFull)
				if errs[0] != nil {
					t.Error(errs[0])
				}
			}
			mustClose(t, h)
		})
	}
}
