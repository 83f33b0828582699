package etcd

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/connectivity"
)

// endpoints is which member of etcd this process speaks with: one at a time, and the next one as soon as that one does not do as it
// should. The client of etcd could spread requests over all members instead, but then a member that hangs, or is cut off from the
// others, spoils its share of them until a ping is missed: after 13 s.
//
// With a single address there is nothing to turn to, and all of this does nothing.
type endpoints struct {
	all []string
	use func(endpoint string) // has new requests go there; those under way go on

	mu     sync.Mutex
	turn   int           // how often another one was turned to
	next   chan struct{} // closed when that happens again
	since  time.Time     // when it happened last
	rest   time.Duration // from one turn to the next, at least: longer while turning does not help
	answer time.Duration // how long an answer takes, smoothed
}

// newEndpoints returns endpoints in an order of this process's own, so that processes spread over them.
func newEndpoints(all []string) *endpoints {
	all = slices.Clone(all)
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return &endpoints{all: all, next: make(chan struct{}), rest: pause}
}

// several reports whether there is another one to turn to.
func (e *endpoints) several() bool { return len(e.all) > 1 }

// now returns the number of the present turn, for leave, and a channel that is closed when it is over.
func (e *endpoints) now() (turn int, over <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.turn, e.next
}

// leave turns to the next endpoint, if that was not done since the turn in which something went wrong. While etcd has no leader, or is slow
// as a whole, all members are as bad, and it is done once in a second at most: new connections would be one load more.
func (e *endpoints) leave(turn int) {
	if !e.several() {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if turn != e.turn || time.Since(e.since) < e.rest {
		return
	}
	e.turn++
	e.since = time.Now()
	e.rest = min(2*e.rest, time.Second)
	close(e.next)
	e.next = make(chan struct{})
	e.use(e.all[e.turn%len(e.all)])
}

// answered notes that the endpoint of a turn has answered, and how long that took.
func (e *endpoints) answered(turn int, took time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if turn == e.turn {
		e.rest = pause
	}
	e.answer += (took - e.answer) / 8
}

// patience is how long an answer is waited for at first before another endpoint is asked, where all of a call may take a time. It is several
// times what answers take now: a slow etcd is no reason to run from member to member.
func (e *endpoints) patience(whole time.Duration) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return min(max(min(whole/8, time.Second), 4*e.answer), whole/2)
}

// mind leaves an endpoint whose connection breaks, when nobody may have anything to ask. It returns when ctx ends.
func (r *Registry) mind(ctx context.Context) {
	conn := r.client.ActiveConnection()
	wait := pause
	for ctx.Err() == nil {
		turn, _ := r.endpoints.now()
		state := conn.GetState()
		switch state {
		case connectivity.Ready:
			wait = pause
		case connectivity.TransientFailure:
			r.endpoints.leave(turn)
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
			wait = min(2*wait, time.Second)
			continue
		}
		conn.WaitForStateChange(ctx, state)
	}
}
