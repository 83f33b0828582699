package bench

import (
	"time"

	"github.com/symphony-rtc/symphony/internal/bench/hist"
)

// Kind is what a message carries.
type Kind int

// The kinds of messages that users send.
const (
	Document Kind = iota // a Yjs update
	Presence             // an awareness state
	kinds
)

// tally is what became of all messages of one kind.
type tally struct {
	sent       uint64 // messages
	expected   uint64 // deliveries: for each message, the other members of the room at that time
	delivered  uint64
	duplicates uint64 // deliveries of what the receiver had already
	skipped    uint64 // not delivered though a later message of the same user was: for presence, superseded states

	// Of the measured time only:
	windowSent      uint64
	windowDelivered uint64
	latency         hist.Histogram // from when a message was due until a receiver had it
}

func (t *tally) add(o *tally) {
	t.sent += o.sent
	t.expected += o.expected
	t.delivered += o.delivered
	t.duplicates += o.duplicates
	t.skipped += o.skipped
	t.windowSent += o.windowSent
	t.windowDelivered += o.windowDelivered
	t.latency.Add(&o.latency)
}

// track is what one receiver has of one sender's messages of one kind. Messages are numbered from 1.
type track struct {
	base   uint32 // sent before the receiver was a member: not expected
	newest uint32 // highest number received, base at first
	have   uint64 // bit i: newest-i was received
}

// trackWindow is how many messages a late one may be behind the newest and still be told from a duplicate.
const trackWindow = 64

// arrival is what a message means to its receiver.
type arrival int

const (
	ignored   arrival = iota // from before the receiver was a member
	delivered                // expected and new
	duplicate
)

func newTrack(sent uint32) track { return track{base: sent, newest: sent} }

// take notes that message n arrived. passed is the change in the number of messages that were passed over by newer
// ones: positive when n leaves a gap, -1 when n closes one.
func (t *track) take(n uint32) (a arrival, passed int) {
	switch {
	case n <= t.base:
		return ignored, 0
	case n > t.newest:
		ahead := n - t.newest
		t.newest = n
		if ahead >= trackWindow {
			t.have = 1
		} else {
			t.have = t.have<<ahead | 1
		}
		return delivered, int(ahead) - 1
	}
	behind := t.newest - n
	if behind >= trackWindow || t.have&(1<<behind) != 0 {
		return duplicate, 0
	}
	t.have |= 1 << behind
	return delivered, -1
}

// schedule is when a user's messages of one kind are due: number n (from 1) at first + (n-1)*period.
type schedule struct {
	first, period time.Duration // since the start of the run
}

func (s schedule) due(n uint32) time.Duration { return s.first + time.Duration(n-1)*s.period }

// phase spreads users evenly over a period, at any number of users: the multiples of the golden ratio's fraction.
func phase(user int, period time.Duration) time.Duration {
	const golden = 11400714819323198485 // 2^64 divided by the golden ratio
	fraction := float64(uint64(user)*golden) / (1 << 64)
	return time.Duration(fraction * float64(period))
}

// scheduleFrom is the schedule of a user who begins at now: the first of the times phase + i*period that is not past.
func scheduleFrom(now time.Duration, user int, period time.Duration) schedule {
	s := schedule{first: phase(user, period), period: period}
	if behind := now - s.first; behind > 0 {
		s.first += (behind + period - 1) / period * period
	}
	return s
}
