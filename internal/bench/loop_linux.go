package bench

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxOpening is how many connections may be on their way at a time: fewer than the backlog of any usual listener.
const maxOpening = 256

// farewell is how long the server gets to answer the close frames at the end.
const farewell = 2 * time.Second

// control is what the loops are told. Times are durations since start; never is later than all of them.
type control struct {
	start       time.Time
	measureFrom atomic.Int64 // messages due from then on are measured
	sendUntil   atomic.Int64 // no message that is due then or later is sent
	drainUntil  atomic.Int64 // latest end of the wait for deliveries
}

const never = math.MaxInt64

func newControl() *control {
	c := &control{start: time.Now()}
	c.measureFrom.Store(never)
	c.sendUntil.Store(never)
	c.drainUntil.Store(never)
	return c
}

func (c *control) now() time.Duration { return time.Since(c.start) }

// measured tells whether t lies in the measured time.
func (c *control) measured(t time.Duration) bool {
	return int64(t) >= c.measureFrom.Load() && int64(t) < c.sendUntil.Load()
}

// loop drives a share of the rooms on one thread.
type loop struct {
	cfg    Config
	target target
	ctl    *control
	base   uint64 // client id of the run's user 0
	first  int    // index of users[0] among all users of the run
	users  []user
	rooms  []benchRoom

	epoll   int
	now     time.Duration
	wheel   *wheel
	next    int // the user whose turn in the ramp is next
	opening int // connections between connect and ready

	arrivedIn int64 // a slot
	arrivals  int   // events in it so far

	counts
	buf     []byte // what is read lies here, behind the unfinished frame of its user
	message []byte // scratch for a message
	framed  []byte // scratch for its frame
	reader  *user  // whose message is being decoded

	mu        sync.Mutex
	published counts
}

func newLoop(cfg Config, target target, ctl *control, base uint64, firstRoom, rooms int) *loop {
	first := firstRoom * cfg.RoomSize
	n := min(cfg.Users-first, rooms*cfg.RoomSize)
	l := &loop{
		cfg: cfg, target: target, ctl: ctl, base: base, first: first,
		users: make([]user, n), rooms: make([]benchRoom, rooms),
		wheel: newWheel(n * int(kinds)),
		buf:   make([]byte, 256<<10),
	}
	l.errors, l.disconnects = map[string]int{}, map[string]int{}
	for i := range l.users {
		u := &l.users[i]
		u.index = first + i
		u.client = base + uint64(u.index)
		u.room = &l.rooms[i/cfg.RoomSize]
		u.seat = i % cfg.RoomSize
		u.fd = -1
	}
	for i := range l.rooms {
		l.rooms[i].users = l.users[i*cfg.RoomSize : min((i+1)*cfg.RoomSize, n)]
	}
	return l
}

// run plays the users until the end that control says. An error means that the loop could not work at all.
func (l *loop) run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// Without this the kernel may wake the thread 50 us late to save power.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // only a refinement: its failure shows in the lag
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("creating an epoll instance: %w", err)
	}
	defer unix.Close(l.epoll)
	events := make([]unix.EpollEvent, 256)
	var publishAt, sweepAt, leaveAt time.Duration
	for {
		began := l.ctl.now()
		l.now = began
		l.ramp()
		l.wheel.run(l.now, l.fire)
		if l.now >= sweepAt {
			l.sweep()
			sweepAt = l.now + connectTimeout/20
		}
		switch {
		case leaveAt == 0 && l.drained():
			l.settle()
			leaveAt = l.now + farewell
		case leaveAt > 0 && (l.now >= leaveAt || l.allGone()):
			l.abandon()
			l.finished = true
			l.publish()
			return nil
		}
		if l.now >= publishAt {
			l.publish()
			publishAt = l.now + 200*time.Millisecond
		}
		l.busy.Record(l.ctl.now() - began)
		l.collect()
		n, err := epollWait(l.epoll, events, l.idle())
		if err != nil {
			return fmt.Errorf("waiting for sockets: %w", err)
		}
		began = l.ctl.now()
		l.now = began
		for _, ev := range events[:n] {
			l.event(&l.users[ev.Fd], ev.Events)
		}
		l.arrivals += n
		if n > 0 {
			l.busy.Record(l.ctl.now() - began)
		}
	}
}

// collect sleeps until the end of a slot in which much has arrived: waking up for each message would cost more than
// the message. Under load arrivals are thus noticed up to one slot late.
func (l *loop) collect() {
	const many = 4
	now := l.ctl.now()
	if s := int64(now / slot); s != l.arrivedIn {
		l.arrivedIn, l.arrivals = s, 0
	}
	if l.arrivals < many {
		return
	}
	ts := unix.NsecToTimespec(int64(slot - now%slot))
	_ = unix.Nanosleep(&ts, nil) // a signal ends it early, which does not matter
}

// idle is how long the loop may sleep.
func (l *loop) idle() time.Duration {
	now := l.ctl.now()
	d := l.wheel.wait(now, 20*time.Millisecond)
	if l.next < len(l.users) && l.opening < maxOpening {
		d = min(d, max(l.turn(l.next)-now, 0))
	}
	return d
}

// epollWait is epoll_wait with a timeout in nanoseconds.
func epollWait(fd int, events []unix.EpollEvent, timeout time.Duration) (int, error) {
	ts := unix.NsecToTimespec(int64(timeout))
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(fd), uintptr(unsafe.Pointer(&events[0])),
		uintptr(len(events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.EINTR:
		return 0, nil
	case unix.ENOSYS: // Linux before 5.11
		return unix.EpollWait(fd, events, int((timeout+time.Millisecond-1)/time.Millisecond))
	}
	return 0, errno
}

// turn is when user i of this loop connects.
func (l *loop) turn(i int) time.Duration {
	return time.Duration(float64(l.cfg.Ramp) * float64(l.first+i) / float64(l.cfg.Users))
}

// ramp opens the connections whose turn it is.
func (l *loop) ramp() {
	for l.next < len(l.users) && l.opening < maxOpening && l.turn(l.next) <= l.now {
		u := &l.users[l.next]
		l.next++
		if int64(l.now) >= l.ctl.sendUntil.Load() {
			u.state = gone // the run is over before this user's turn
			l.failed++
			l.errors["not connected: the server was too slow for the ramp"]++
			continue
		}
		l.opening++
		l.connect(u)
	}
}

// sweep gives up connections that take too long to become ready.
func (l *loop) sweep() {
	for i := range l.users[:l.next] {
		u := &l.users[i]
		if u.state >= connecting && u.state <= joining && l.now-u.began > connectTimeout {
			what := [...]string{connecting: "TCP connect", upgrading: "WebSocket upgrade", joining: "sync handshake"}[u.state]
			l.fail(u, fmt.Sprintf("%s: no answer for %v", what, connectTimeout))
		}
	}
}

// drained tells whether nothing more is to be waited for before leaving.
func (l *loop) drained() bool {
	if int64(l.now) < l.ctl.sendUntil.Load() {
		return false
	}
	if int64(l.now) >= l.ctl.drainUntil.Load() {
		return true
	}
	if l.wheel.slot <= slotOf(time.Duration(l.ctl.sendUntil.Load())) {
		return false // some message that was due before the end may be yet to be sent
	}
	for k := range l.tally {
		t := &l.tally[k]
		outstanding := t.expected - t.delivered
		if Kind(k) == Presence && l.cfg.MergedPresence {
			outstanding -= min(t.skipped, outstanding)
		}
		if outstanding > 0 {
			return false
		}
	}
	for i := range l.users {
		if u := &l.users[i]; u.state == ready && len(u.syncs) > 0 {
			return false
		}
	}
	return true
}

func (l *loop) allGone() bool {
	for i := range l.users[:l.next] {
		if l.users[i].state != gone {
			return false
		}
	}
	return true
}

// publish makes a copy of the counts for others to read.
func (l *loop) publish() {
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &ru); err == nil {
		l.cpu = time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.published = l.counts
	l.published.disconnects = maps.Clone(l.disconnects)
	l.published.errors = maps.Clone(l.errors)
}

// sum adds what the loop published last to c.
func (l *loop) sum(c *counts) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.add(&l.published)
}

func (l *loop) mask() uint32 { return rand.Uint32() }
