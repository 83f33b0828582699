package process

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// Orchestrator keeps child processes. Safe for concurrent use.
type Orchestrator struct {
	wants  chan cluster.Want // has the newest that the keeper has not seen
	mu     sync.Mutex        // of those who put something there
	closed bool

	cancel context.CancelFunc
	quit   chan struct{}
	done   chan struct{}
}

var _ cluster.Orchestrator = (*Orchestrator)(nil)

// New returns an Orchestrator without children. Close ends it.
func New(o Options) (*Orchestrator, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Orchestrator{wants: make(chan cluster.Want, 1), cancel: cancel, quit: make(chan struct{}), done: make(chan struct{})}
	k := newKeeper(o)
	go func() {
		defer close(p.done)
		// A child gets its signal of our death when the thread ends that started it, so that must be one that lasts.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		k.run(p.wants, o.Registry.Watch(ctx), p.quit)
	}()
	return p, nil
}

var errClosed = errors.New("the supervisor of processes is closed")

// Scale implements cluster.Orchestrator: Want.Free is what counts with a capacity of 1, else Want.Total. Children that are too many
// are ended with SIGTERM, those without rooms first.
func (p *Orchestrator) Scale(_ context.Context, want cluster.Want) error {
	if want.Free < 0 || want.Total < 0 {
		return fmt.Errorf("scale to %+v: less than none", want)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errClosed
	}
	select {
	case <-p.wants: // never seen
	default:
	}
	p.wants <- want
	return nil
}

// Close ends all children: with SIGTERM, and what still lives after Options.Grace with SIGKILL. It returns when all have ended.
func (p *Orchestrator) Close() error {
	p.mu.Lock()
	was := p.closed
	p.closed = true
	p.mu.Unlock()
	if !was {
		close(p.quit)
	}
	<-p.done
	p.cancel()
	return nil
}
