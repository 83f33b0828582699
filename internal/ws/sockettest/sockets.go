package sockettest

import (
	"net"
	"testing"

	"github.com/symphony-rtc/symphony/internal/ws"
)

// A Kind is a kind of connection, and where it rightly differs from others.
type Kind struct {
	// Pair returns the two ends of a new connection. It takes at most Room bytes that nobody reads.
	Pair func(t *testing.T) (a, b net.Conn)

	// Reset says what a Close(true) does to the other side.
	Reset Reset

	// Sealed is that of TLS: whether the other side has hung up cannot be told without reading, and a write that its deadline
	// has interrupted in the middle of a record can never be taken up again.
	Sealed bool
}

// Room is more than any connection of a test takes without being read.
const Room = 8 << 20

// A Reset is what a Close(true) does to the other side.
type Reset int

const (
	// ResetDrops : what is unread is thrown away, and reads fail.
	ResetDrops Reset = iota
	// ResetFails : reads fail, maybe after what is unread. So it is with TCP: a kernel may keep what it has received.
	ResetFails
	// ResetEnds : it is a Close(false), after which reads may end as if all were well. So it is where there is no reset.
	ResetEnds
)

// Run tests the sockets of a kind of connection.
func Run(t *testing.T, kind Kind) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, k Kind, a, b *end)
	}{
		{"bytes keep their order both ways", order},
		{"a write never waits", neverWaits},
		{"writing nothing is nothing", writeNothing},
		{"room again", roomAgain},
		{"the deadline ends the wait for room", deadlineEndsWriting},
		{"a deadline that has passed ends the wait for room", lateEndsWriting},
		{"writing goes on after a deadline", writingAfterDeadline},
		{"closing ends the wait for room", closeEndsWriting},
		{"the other side's close ends the wait for room", otherCloseEndsWriting},
		{"a deadline that has passed wakes the reader", lateWakesReader},
		{"the deadline wakes the reader", deadlineWakesReader},
		{"reading goes on after a deadline", readingAfterDeadline},
		{"a deadline that is taken back does not come", noDeadline},
		{"the memory of a reader is parked", parks},
		{"one way ends and the other goes on", halfClose},
		{"what was written before a close is read", closeDelivers},
		{"a reset", reset},
		{"closing wakes the reader", closeWakesReader},
		{"writes fail after the other side's close", writesFail},
		{"the other side hangs up", hangUp},
		{"a hang-up behind bytes", hangUpBehindBytes},
		{"a deadline ends the wait for a hang-up", lateHangUp},
		{"closing ends the wait for a hang-up", closeEndsHangUp},
	} {
		t.Run(test.name, func(t *testing.T) {
			one, other := kind.Pair(t)
			a, b := newEnd(t, one), newEnd(t, other)
			test.run(t, kind, a, b)
		})
	}
}

func newEnd(t *testing.T, nc net.Conn) *end {
	e := &end{t: t, Socket: ws.NewSocket(nc)}
	t.Cleanup(func() { e.close(true) })
	return e
}
