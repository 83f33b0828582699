package remote

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// claim is a store.Claim at the side of the process that made it.
type claim struct {
	catalog *Catalog
	id      string
	num     uint64
	events  room.JournalEvents // called by the goroutine that reads the connection

	mu      sync.Mutex
	next    uint64 // number that the next update must have
	durable uint64
	sizes   sizes // of the updates between the two
	fenced  bool
	ended   bool // fenced or released
}

var _ store.Claim = (*claim)(nil)

// Claim implements store.Catalog.
func (c *Catalog) Claim(ctx context.Context, id string, events room.JournalEvents) (store.Claim, store.Room, error) {
	r := &claim{catalog: c, id: id, events: events}
	c.mu.Lock()
	c.last++
	r.num = c.last
	c.claims[r.num] = r // before the server knows of it, so that no event is missed
	c.mu.Unlock()
	var info store.Room
	if err := c.ask(ctx, opClaim, with(r.num, id), &info); err != nil {
		c.forget(r.num)
		return nil, store.Room{}, err
	}
	r.mu.Lock()
	r.next, r.durable = info.LastSeq+1, info.LastSeq
	r.mu.Unlock()
	return r, info, nil
}

func (c *Catalog) forget(num uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.claims, num)
}

// Append implements store.Claim.
func (r *claim) Append(seq uint64, update []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	if seq != r.next {
		panic(fmt.Sprintf("remote: update %d of room %q appended where %d is next", seq, r.id, r.next))
	}
	r.next++
	r.sizes.add(len(update))
	r.catalog.backlog.Add(int64(len(update)))
	var head [8]byte
	binary.LittleEndian.PutUint64(head[:], seq)
	r.catalog.client.Post(postAppend, r.num, head[:], update)
}

// Backlog implements store.Claim.
func (r *claim) Backlog() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sizes.sum
}

// Durable implements store.Claim.
func (r *claim) Durable() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.durable
}

// Point implements store.Claim.
func (r *claim) Point(ctx context.Context, p store.Pointer) (free []string, err error) {
	r.mu.Lock()
	fenced, ended := r.fenced, r.ended
	r.mu.Unlock()
	switch {
	case fenced:
		return nil, room.ErrFenced
	case ended:
		return nil, fmt.Errorf("room %q was released", r.id)
	}
	err = r.catalog.ask(ctx, opPoint, with(r.num, p), &free)
	return free, err
}

// Release implements store.Claim.
func (r *claim) Release(ctx context.Context) error {
	r.mu.Lock()
	ended, backlog := r.ended, r.sizes.sum
	r.mu.Unlock()
	if ended {
		return nil
	}
	if backlog > 0 {
		return fmt.Errorf("%d bytes of updates are not durable yet", backlog)
	}
	if err := r.catalog.ask(ctx, opRelease, with(r.num)); err != nil {
		return err
	}
	r.end()
	return nil
}

// end makes the claim deaf and forgets what it waited for. It reports whether it was not over already.
func (r *claim) end() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.ended
	r.ended = true
	r.catalog.backlog.Add(int64(-r.sizes.sum))
	r.sizes = sizes{}
	r.catalog.forget(r.num)
	return !was
}

// committed hears that updates are durable.
func (r *claim) committed(seq uint64) error {
	r.mu.Lock()
	if r.ended {
		r.mu.Unlock()
		return nil
	}
	if seq <= r.durable || seq >= r.next {
		defer r.mu.Unlock()
		return fmt.Errorf("update %d of room %q is said to be durable, where %d to %d wait", seq, r.id, r.durable+1, r.next-1)
	}
	bytes := r.sizes.remove(int(seq - r.durable))
	r.durable = seq
	r.catalog.backlog.Add(int64(-bytes))
	r.mu.Unlock()
	r.events.Committed(seq)
	return nil
}

// fence hears that another process has the room.
func (r *claim) fence() {
	r.mu.Lock()
	r.fenced = true
	r.mu.Unlock()
	if r.end() {
		r.catalog.client.Post(postForget, r.num, nil, nil)
		r.events.Fenced()
	}
}

// lost hears that the connection is. What is not known to be durable stays in the backlog.
func (r *claim) lost(err error) {
	r.mu.Lock()
	ended := r.ended
	r.mu.Unlock()
	if !ended {
		r.events.Delayed(err)
	}
}

// sizes are the lengths of updates that wait, oldest first.
type sizes struct {
	list []int
	gone int // of them, at the front
	sum  int
}

func (s *sizes) add(n int) {
	if s.gone > 0 && len(s.list) == cap(s.list) {
		s.list = append(s.list[:0], s.list[s.gone:]...)
		s.gone = 0
	}
	s.list = append(s.list, n)
	s.sum += n
}

// remove takes away the oldest n and returns their sum.
func (s *sizes) remove(n int) int {
	sum := 0
	for _, size := range s.list[s.gone : s.gone+n] {
		sum += size
	}
	s.gone += n
	s.sum -= sum
	if s.gone == len(s.list) {
		s.list, s.gone = s.list[:0], 0
	}
	return sum
}
