package storetest

import (
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for something that must happen. It is long because machines may be slow; a test
// that passes never waits for it.
const patience = 60 * time.Second

// Recorder is a room.JournalEvents that remembers what it heard and lets a test wait for it.
type Recorder struct {
	mu        sync.Mutex
	cond      *sync.Cond
	committed uint64
	backwards bool // Committed went down or stayed
	fenced    int
	delays    []error // arguments of Delayed
	inside    int     // calls in progress
	overlap   bool    // two calls at a time
}

// NewRecorder makes an empty one.
func NewRecorder() *Recorder {
	r := &Recorder{}
	r.cond = sync.NewCond(&r.mu)
	return r
}

func (r *Recorder) enter() {
	r.mu.Lock()
	r.inside++
	if r.inside > 1 {
		r.overlap = true
	}
}

func (r *Recorder) leave() {
	r.inside--
	r.cond.Broadcast()
	r.mu.Unlock()
}

// Committed implements room.JournalEvents.
func (r *Recorder) Committed(seq uint64) {
	r.enter()
	defer r.leave()
	if seq <= r.committed {
		r.backwards = true
	}
	r.committed = seq
}

// Delayed implements room.JournalEvents.
func (r *Recorder) Delayed(err error) {
	r.enter()
	defer r.leave()
	r.delays = append(r.delays, err)
}

// Fenced implements room.JournalEvents.
func (r *Recorder) Fenced() {
	r.enter()
	defer r.leave()
	r.fenced++
}

// Durable returns the highest number that Committed was called with.
func (r *Recorder) Durable() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.committed
}

// WaitCommitted waits until everything up to seq is durable.
func (r *Recorder) WaitCommitted(t testing.TB, seq uint64) {
	t.Helper()
	r.wait(t, "an update to become durable", func() bool { return r.committed >= seq })
}

// WaitFenced waits for Fenced.
func (r *Recorder) WaitFenced(t testing.TB) {
	t.Helper()
	r.wait(t, "the fence", func() bool { return r.fenced > 0 })
}

// WaitDelayed waits until the last call of Delayed was with an error, or without one.
func (r *Recorder) WaitDelayed(t testing.TB, failing bool) error {
	t.Helper()
	var last error
	r.wait(t, "the journal to be delayed or to recover", func() bool {
		if len(r.delays) == 0 {
			return !failing
		}
		last = r.delays[len(r.delays)-1]
		return (last != nil) == failing
	})
	return last
}

// Check fails the test if the calls were not as the port promises.
func (r *Recorder) Check(t testing.TB) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.backwards {
		t.Errorf("Committed did not rise")
	}
	if r.fenced > 1 {
		t.Errorf("Fenced was called %d times", r.fenced)
	}
	if r.overlap {
		t.Errorf("events of one room overlapped")
	}
}

func (r *Recorder) wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	late := false
	timer := time.AfterFunc(patience, func() {
		r.mu.Lock()
		late = true
		r.mu.Unlock()
		r.cond.Broadcast()
	})
	defer timer.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for !ok() {
		if late {
			t.Fatalf("waited %v for %s", patience, what)
		}
		r.cond.Wait()
	}
}
