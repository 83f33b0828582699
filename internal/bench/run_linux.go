package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/symphony-rtc/symphony/internal/bench/hist"
	"github.com/symphony-rtc/symphony/internal/bench/procfs"
)

// run is one run's moving parts.
type run struct {
	cfg      Config
	prefix   string
	ctl      *control
	loops    []*loop
	progress func(Progress)

	phase      Phase
	phaseBegan time.Duration
	phaseTakes time.Duration
	told       time.Duration // when progress was told last
	toldSum    uint64        // deliveries then

	before, first, last sample // first and last of the measured time
	peak                int64
	openedIn            time.Duration
}

// sample is what the server and this process have used at some time.
type sample struct {
	at          time.Duration
	server      procfs.Usage
	self        time.Duration
	machine     time.Duration
	loops       []time.Duration
	interrupted bool
}

// Run plays the users that cfg describes and measures. It calls progress, if not nil, about once a second from the
// calling goroutine. When ctx ends, the run is cut short and what was measured is returned with Interrupted set. The
// error is for what cannot run at all: a bad configuration, a limit of this machine.
func Run(ctx context.Context, cfg Config, progress func(Progress)) (*Result, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := raiseFileLimit(cfg.Users); err != nil {
		return nil, err
	}
	r, err := newRun(cfg, progress)
	if err != nil {
		return nil, err
	}
	if r.before, err = r.sample(); err != nil {
		return nil, err
	}
	var group errgroup.Group
	for _, l := range r.loops {
		group.Go(l.run)
	}
	followed := r.follow(ctx)
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if followed != nil {
		return nil, followed
	}
	return r.result(), nil
}

func newRun(cfg Config, progress func(Progress)) (*run, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("the server's URL: %w", err)
	}
	host := u.Host
	if u.Port() == "" {
		host += ":80"
	}
	r := &run{cfg: cfg, ctl: newControl(), progress: progress, prefix: cfg.RoomPrefix}
	if r.prefix == "" {
		r.prefix = fmt.Sprintf("bench-%08x", rand.Uint32())
	}
	t, err := resolve(host)
	if err != nil {
		return nil, err
	}
	t.path = func(room int) string {
		path := strings.TrimSuffix(u.EscapedPath(), "/") + "/" + url.PathEscape(RoomName(r.prefix, room))
		if u.RawQuery != "" {
			path += "?" + u.RawQuery
		}
		return path
	}
	// Client ids of 32 bits, as Yjs draws them, but consecutive: the user follows from the id.
	base := 1<<31 + uint64(rand.Uint32N(1<<30))
	rooms := cfg.rooms()
	loops := min(cfg.Loops, rooms)
	for i := range loops {
		from, to := i*rooms/loops, (i+1)*rooms/loops
		r.loops = append(r.loops, newLoop(cfg, t, r.ctl, base, from, to-from))
	}
	return r, nil
}

// follow leads the loops through the phases.
func (r *run) follow(ctx context.Context) error {
	// Whatever happens, the loops come to an end.
	defer func() {
		now := int64(r.ctl.now())
		r.ctl.sendUntil.Store(min(r.ctl.sendUntil.Load(), now))
		r.ctl.drainUntil.Store(min(r.ctl.drainUntil.Load(), now))
	}()
	r.enter(Connecting, r.cfg.Ramp)
	up, err := r.until(ctx, func(c *counts, now time.Duration) bool {
		return c.finished || c.joined+c.failed >= r.cfg.Users || now > r.cfg.Ramp+2*connectTimeout
	})
	if err != nil || !up {
		return err
	}
	r.openedIn = r.ctl.now()
	settled := r.openedIn + r.cfg.Settle
	if up, err = r.until(ctx, func(_ *counts, now time.Duration) bool { return now >= settled }); err != nil || !up {
		return err
	}
	if r.first, err = r.sample(); err != nil {
		return err
	}
	end := r.first.at + r.cfg.Duration
	r.ctl.measureFrom.Store(int64(r.first.at))
	r.ctl.sendUntil.Store(int64(end))
	r.ctl.drainUntil.Store(int64(end + r.cfg.Drain))
	r.enter(Measuring, r.cfg.Duration)
	up, err = r.until(ctx, func(_ *counts, now time.Duration) bool { return now >= end })
	if err != nil {
		return err
	}
	if r.last, err = r.sample(); err != nil {
		return err
	}
	r.last.interrupted = !up
	if !up {
		return nil
	}
	r.enter(Draining, 0)
	_, err = r.until(ctx, func(c *counts, _ time.Duration) bool { return c.finished })
	return err
}

func (r *run) enter(p Phase, takes time.Duration) {
	r.phase, r.phaseBegan, r.phaseTakes = p, r.ctl.now(), takes
}

// until waits for done and tells the progress meanwhile; false means that ctx ended first.
func (r *run) until(ctx context.Context, done func(*counts, time.Duration) bool) (bool, error) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		now := r.ctl.now()
		c := r.counts()
		if err := r.watchMemory(); err != nil {
			return false, err
		}
		r.tell(c, now)
		if done(c, now) {
			return true, nil
		}
		select {
		case <-ctx.Done():
			r.last.interrupted = true
			return false, nil
		case <-ticker.C:
		}
	}
}

// counts is the sum of what the loops published.
func (r *run) counts() *counts {
	c := &counts{disconnects: map[string]int{}, errors: map[string]int{}, finished: true}
	for _, l := range r.loops {
		l.sum(c)
	}
	return c
}

// watchMemory keeps the highest memory of the server; a server that has died ends the run.
func (r *run) watchMemory() error {
	if r.cfg.PID == 0 {
		return nil
	}
	u, err := procfs.Read(r.cfg.PID, r.cfg.Descendants)
	if err != nil {
		return fmt.Errorf("the server's process is gone: %w", err)
	}
	r.peak = max(r.peak, u.RSS)
	return nil
}

func (r *run) tell(c *counts, now time.Duration) {
	if r.progress == nil || now-r.told < time.Second {
		return
	}
	var delivered, missing uint64
	var both hist.Histogram
	for k := range c.tally {
		delivered += c.tally[k].delivered
		missing += c.tally[k].skipped
		both.Add(&c.tally[k].latency)
	}
	r.progress(Progress{
		Phase: r.phase, Elapsed: now - r.phaseBegan, Of: r.phaseTakes, Users: c.ready, Wanted: r.cfg.Users,
		Deliveries: float64(delivered-r.toldSum) / (now - r.told).Seconds(),
		P50:        both.Quantile(0.5), P99: both.Quantile(0.99),
		Missing: missing, Disconnects: Total(c.disconnects), Errors: Total(c.errors),
	})
	r.told, r.toldSum = now, delivered
}

func (r *run) sample() (sample, error) {
	s := sample{at: r.ctl.now()}
	if r.cfg.PID != 0 {
		var err error
		if s.server, err = procfs.Read(r.cfg.PID, r.cfg.Descendants); err != nil {
			return s, fmt.Errorf("measuring the server (is --pid right?): %w", err)
		}
	}
	var err error
	if s.machine, err = procfs.Busy(); err != nil {
		return s, err
	}
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &ru); err != nil {
		return s, fmt.Errorf("measuring this process: %w", err)
	}
	s.self = time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
	for _, l := range r.loops {
		var c counts
		c.disconnects, c.errors = map[string]int{}, map[string]int{}
		l.sum(&c)
		s.loops = append(s.loops, c.cpu)
	}
	return s, nil
}
