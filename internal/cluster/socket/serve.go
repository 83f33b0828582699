package socket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/ipc"
)

// Serve lets other processes use a registry, until ctx ends. Then it ends their connections and with them their memberships,
// and returns when nothing uses the registry any more. The registry remains the caller's, who may use it meanwhile. Hosts of
// a process that stands still for ttl are gone (0 is DefaultTTL). Serve closes the listener, see ipc.Listen. log hears of that, and
// of malformed messages.
func Serve(ctx context.Context, l net.Listener, registry cluster.Registry, ttl time.Duration, log *slog.Logger) error {
	if ttl <= 0 {
		ttl = DefaultTTL
	}
	s := ipc.Server{Protocol: protocol, Errors: known, Log: log, Session: func(out ipc.Out) ipc.Session {
		return newSession(registry, ttl, log, out)
	}}
	if err := s.Serve(ctx, l); err != nil {
		return fmt.Errorf("serve the registry to other processes: %w", err)
	}
	return nil
}

// session is one connection, which is one process, at the side of the registry.
type session struct {
	registry cluster.Registry
	ttl      time.Duration
	log      *slog.Logger
	out      ipc.Out

	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
	owned  sync.WaitGroup // goroutines
	heard  atomic.Bool    // something, since it was looked at last

	watches map[uint64]*watch // of the goroutine that reads

	mu      sync.Mutex
	members map[uint64]*seat // by the client's number
}

// seat is a membership of the process; gone says that nothing of it is passed on any more.
type seat struct {
	cluster.Membership
	gone context.CancelFunc
}

func newSession(registry cluster.Registry, ttl time.Duration, log *slog.Logger, out ipc.Out) *session {
	s := &session{
		registry: registry, ttl: ttl, log: log, out: out,
		watches: make(map[uint64]*watch), members: make(map[uint64]*seat),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.owned.Go(s.expire)
	return s
}

// Fill implements ipc.Session.
func (s *session) Fill(dst []byte) []byte { return dst }

// End implements ipc.Session.
func (s *session) End(context.Context, error) {
	s.cancel()
	s.leaveAll()
	s.owned.Wait()
}

// leaveTime bounds how long a registry may take to end the membership of a process that is gone.
const leaveTime = 10 * time.Second

// leaveAll ends the memberships and returns their numbers.
func (s *session) leaveAll() []uint64 {
	s.mu.Lock()
	members := s.members
	s.members = make(map[uint64]*seat)
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	var nums []uint64
	for num, m := range members {
		if err := m.Leave(ctx); err != nil {
			s.log.Warn("the membership of a process that is gone could not be ended", "err", err)
		}
		m.gone()
		nums = append(nums, num)
	}
	return nums
}

// expire ends the memberships when the process gives no sign of life for the time to live. It counts moments in which nothing was
// heard instead of looking at the clock: if it is this process that stood still, what the other sent meanwhile can still be read.
func (s *session) expire() {
	ticker := time.NewTicker(s.ttl / (2 * alivePerTTL))
	defer ticker.Stop()
	for silent := 0; ; {
		select {
		case <-ticker.C:
		case <-s.ctx.Done():
			return
		}
		if s.heard.Swap(false) {
			silent = 0
			continue
		}
		if silent++; silent != 2*alivePerTTL {
			continue
		}
		lost := s.leaveAll()
		for _, num := range lost {
			s.out.Post(postLost, num, nil)
		}
		if len(lost) > 0 {
			s.log.Warn("a process stands still: it is not a host any more", "ttl", s.ttl)
		}
	}
}

// Post implements ipc.Session.
func (s *session) Post(op uint8, id uint64, body []byte) error {
	s.heard.Store(true)
	switch op {
	case postAlive:
		return nil
	case postWatch:
		if s.watches[id] != nil {
			return fmt.Errorf("watch %d was begun before", id)
		}
		s.watch(id)
		return nil
	case postRead:
		var n int
		if err := ipc.Unpack(body, &n); err != nil {
			return err
		}
		if w := s.watches[id]; w != nil {
			w.read(n)
		}
		return nil
	case postUnwatch:
		if w := s.watches[id]; w != nil {
			w.end()
			delete(s.watches, id)
		}
		return nil
	}
	return fmt.Errorf("a message of kind %d", op)
}

// member finds a membership.
func (s *session) member(num uint64) (*seat, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.members[num]; m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("the registration is over: %w", cluster.ErrNoMember)
}

// Call implements ipc.Session.
func (s *session) Call(op uint8, body []byte) (ipc.Job, error) {
	s.heard.Store(true)
	var num uint64
	var room, host string
	var h cluster.Host
	var err error
	var run func(ctx context.Context) error
	answer := []any{}
	switch op {
	case opTTL:
		answer = append(answer, s.ttl)
		run = func(context.Context) error { return nil }
	case opJoin:
		err = ipc.Unpack(body, &num, &h)
		run = func(ctx context.Context) error { return s.join(ctx, num, h) }
	case opOwner:
		err = ipc.Unpack(body, &room)
		return ipc.Job{Run: func(ctx context.Context) ([]byte, error) {
			return hostAnswer(s.registry.Owner(ctx, room))
		}}, err
	case opForget:
		err = ipc.Unpack(body, &room, &host)
		run = func(ctx context.Context) error { return s.registry.Forget(ctx, room, host) }
	case opClaim:
		err = ipc.Unpack(body, &num, &room)
		return ipc.Job{Run: func(ctx context.Context) ([]byte, error) {
			m, err := s.member(num)
			if err != nil {
				return nil, err
			}
			return hostAnswer(m.Claim(ctx, room))
		}}, err
	case opRelease:
		err = ipc.Unpack(body, &num, &room, &host)
		run = s.with(&num, func(ctx context.Context, m cluster.Membership) error { return m.Release(ctx, room, host) })
	case opUpdate:
		err = ipc.Unpack(body, &num, &h)
		run = s.with(&num, func(ctx context.Context, m cluster.Membership) error { return m.Update(ctx, h) })
	case opLeave:
		err = ipc.Unpack(body, &num)
		run = func(ctx context.Context) error { return s.leave(ctx, num) }
	default:
		err = fmt.Errorf("a call of kind %d", op)
	}
	return ipc.Job{Run: func(ctx context.Context) ([]byte, error) {
		if err := run(ctx); err != nil {
			return nil, err
		}
		return ipc.Pack(nil, answer...), nil
	}}, err
}

func hostAnswer(h cluster.Host, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return ipc.Pack(nil, h), nil
}

// with makes f run with the membership that num is the number of.
func (s *session) with(num *uint64, f func(ctx context.Context, m cluster.Membership) error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		m, err := s.member(*num)
		if err != nil {
			return err
		}
		return f(ctx, m)
	}
}

func (s *session) join(ctx context.Context, num uint64, h cluster.Host) error {
	m, err := s.registry.Join(ctx, h)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.members[num] != nil { // whose host would never be gone
		return errors.Join(fmt.Errorf("there is a membership with the number %d already", num), m.Leave(ctx))
	}
	life, gone := context.WithCancel(s.ctx)
	s.members[num] = &seat{m, gone}
	s.owned.Go(func() { s.tell(life, num, m) })
	return nil
}

// tell passes on what the registry tells a membership, until life is over.
func (s *session) tell(life context.Context, num uint64, m cluster.Membership) {
	for {
		select {
		case room := <-m.Taken():
			s.out.Post(postTaken, num, ipc.Pack(nil, room))
		case <-m.Lost():
			s.forget(num)
			s.out.Post(postLost, num, nil)
			return
		case <-life.Done():
			return
		}
	}
}

func (s *session) leave(ctx context.Context, num uint64) error {
	m, err := s.member(num)
	if errors.Is(err, cluster.ErrNoMember) {
		return nil
	}
	if err := m.Leave(ctx); err != nil {
		return err
	}
	s.forget(num)
	return nil
}

func (s *session) forget(num uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.members[num]; m != nil {
		m.gone()
		delete(s.members, num)
	}
}
