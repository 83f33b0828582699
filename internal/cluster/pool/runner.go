package pool

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// View is what a Runner sees of the cluster: a *cluster.View.
type View interface {
	Synced() <-chan struct{}
	OnHost(func(h cluster.Host, gone bool))
	Claims() uint64
}

// Options are what a Runner needs.
type Options struct {
	View         View
	Orchestrator cluster.Orchestrator
	Bounds       Bounds
	Waiting      func() int    // rooms that wait for a host in this process; nil: one, if Need was called
	Every        time.Duration // between looks; default 1 s
	Logger       *slog.Logger  // default none
}

// How long a call of the Orchestrator may take, and the pauses after one that failed: each twice the last. Clients wait up to 30 s for a host, so
// the last pause leaves time for hosts to start.
const (
	callTime   = 10 * time.Second
	firstPause = 500 * time.Millisecond
	lastPause  = 10 * time.Second
	breath     = 100 * time.Millisecond // at least between two looks, however often Need is called
)

// Runner watches the cluster and asks the Orchestrator for hosts.
type Runner struct {
	options Options
	log     *slog.Logger
	need    chan struct{}
	sizer   *Sizer
	meter   Meter

	mu   sync.Mutex
	fold fold
	live bool // hosts that come are new ones
}

// NewRunner returns a Runner that does nothing before Run.
func NewRunner(o Options) *Runner {
	o.Bounds = o.Bounds.withDefaults()
	if o.Every <= 0 {
		o.Every = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Runner{options: o, log: o.Logger, need: make(chan struct{}, 1), sizer: NewSizer(o.Bounds),
		fold: fold{hosts: map[string]cluster.Host{}}}
}

// Need tells that a room waits and no host can take it: the Runner looks at once. It never blocks.
func (r *Runner) Need() {
	select {
	case r.need <- struct{}{}:
	default:
	}
}

// Run works until ctx ends. It is to be called once. What the Orchestrator refuses is logged and tried again.
func (r *Runner) Run(ctx context.Context) {
	select {
	case <-r.options.View.Synced():
	case <-ctx.Done():
		return
	}
	r.options.View.OnHost(r.hear)
	r.mu.Lock()
	r.live = true
	r.mu.Unlock()

	var wanted *cluster.Want // what could not be passed on yet
	var pause time.Duration
	var notBefore time.Time // when the Orchestrator may be called again
	timer := time.NewTimer(0)
	defer timer.Stop()
	for needed := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-r.need:
			needed = true
		case <-timer.C:
		}
		want, ask := r.look(time.Now(), needed)
		if wanted != nil && !ask {
			want.Fewer = wanted.Fewer
		}
		if ask || wanted != nil {
			wanted = &want
		}
		if wanted != nil && !time.Now().Before(notBefore) {
			if err := r.ask(ctx, want); err == nil {
				wanted, pause = nil, 0
			} else if ctx.Err() == nil {
				pause = min(max(2*pause, firstPause), lastPause)
				notBefore = time.Now().Add(pause)
				r.log.Warn("the orchestrator cannot be asked for hosts", "free", want.Free, "total", want.Total, "again", pause, "error", err)
			}
		}
		needed = false
		if !sleep(ctx, breath) {
			return
		}
		next := r.options.Every - breath
		if wanted != nil {
			next = min(next, time.Until(notBefore))
		}
		timer.Reset(max(next, 0))
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *Runner) ask(ctx context.Context, want cluster.Want) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return r.options.Orchestrator.Scale(ctx, want)
}

// hear takes in a change of a host.
func (r *Runner) hear(h cluster.Host, gone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fold.change(h, gone) && r.live {
		r.fold.learn(h, time.Now())
	}
}

// look decides what is wanted now.
func (r *Runner) look(now time.Time, needed bool) (cluster.Want, bool) {
	waiting := 0
	if r.options.Waiting != nil {
		waiting = max(r.options.Waiting(), 0)
	}
	claims := r.options.View.Claims()
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.fold.sum
	if r.options.Bounds.Capacity == 1 {
		waiting = max(waiting-seen.Free, 0) // for the others there is a host: they are about to have it
	}
	if needed {
		waiting = max(waiting, 1)
	}
	seen.Ready = max(r.options.Bounds.Ready, r.fold.learnt)
	r.meter.Count(now, claims, seen.Ready)
	seen.Rate, seen.Burst, seen.Waiting = r.meter.Rate(), r.meter.Burst(), waiting
	before := r.sizer.want
	want, ask := r.sizer.Step(now, seen)
	if ask && r.sizer.want > before {
		r.fold.asked = now
	}
	if ask {
		r.log.Info("the pool gets another size", "free", want.Free, "total", want.Total, "hosts", seen.Hosts, "draining", seen.Draining,
			"unused", seen.Free, "rooms", seen.Rooms, "claims/s", seen.Rate, "waiting", waiting, "ready in", seen.Ready)
	}
	return want, ask
}
