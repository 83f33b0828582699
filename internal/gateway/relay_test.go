package gateway

import (
	"context"
	"slices"
	"sync"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/protocol"
)

// relayHost is a Host whose rooms relay messages to the other members unread: all that a gateway needs to be tested.
type relayHost struct {
	later bool                  // relay with later
	echo  bool                  // relay to the sender too
	join  func(id string) error // may refuse, may wait
	hear  func(id string, message []byte) error

	mu    sync.Mutex
	rooms map[string]*relayRoom
}

type relayRoom struct {
	host *relayHost
	id   string

	mu      sync.Mutex
	members []*relaySession
}

type relaySession struct {
	room    *relayRoom
	member  room.Member
	options room.JoinOptions
	index   int // in the room's members; -1 after Leave
}

func (h *relayHost) Join(_ context.Context, id string, m room.Member, o room.JoinOptions) (Session, error) {
	if h.join != nil {
		if err := h.join(id); err != nil {
			return nil, err
		}
	}
	h.mu.Lock()
	if h.rooms == nil {
		h.rooms = make(map[string]*relayRoom)
	}
	r := h.rooms[id]
	if r == nil {
		r = &relayRoom{host: h, id: id}
		h.rooms[id] = r
	}
	h.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &relaySession{room: r, member: m, options: o, index: len(r.members)}
	r.members = append(r.members, s)
	return s, nil
}

func (s *relaySession) Receive(f protocol.Frame) error {
	r := s.room
	if r.host.hear != nil {
		if err := r.host.hear(r.id, f.Payload()); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	frame := f.Bytes()
	for _, to := range r.members {
		if to != s || r.host.echo {
			to.member.Send(frame, r.host.later)
		}
	}
	return nil
}

func (s *relaySession) Leave() {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.index < 0 {
		return
	}
	last := len(r.members) - 1
	r.members[s.index] = r.members[last]
	r.members[s.index].index = s.index
	r.members = r.members[:last]
	s.index = -1
}

// members are the members of a room.
func (h *relayHost) members(id string) []*relaySession {
	h.mu.Lock()
	r := h.rooms[id]
	h.mu.Unlock()
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.members)
}

// send sends a message to all members of a room.
func (h *relayHost) send(id string, message []byte, later bool) {
	buf := append(make([]byte, protocol.HeaderRoom), message...)
	frame := protocol.FrameAt(buf, protocol.HeaderRoom, len(buf)).Bytes()
	h.mu.Lock()
	r := h.rooms[id]
	h.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, to := range r.members {
		to.member.Send(frame, later)
	}
}
