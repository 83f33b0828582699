package proxy

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/protocol"
)

// What errors of dial are about. Those that wrap none of them are about a host that accepts connections and does not answer.
var (
	// errRefused: the host lives and did not take the connection.
	errRefused = errors.New("the host refused")
	// errUnreachable: there is no connection to the host. Its claim of the room ends.
	errUnreachable = errors.New("the host cannot be reached")
	// errBusy: the host has more to do than to accept connections.
	errBusy = errors.New("the host is busy")
	// errShort: this proxy cannot make connections, to whatever host.
	errShort = errors.New("this proxy can make no more connections")
)

// undialed says what it means that a host could not be connected to, which was tried from a time on. A proxy that is short of
// something, or a host that many want to connect to at once, must not be taken for a host that is gone: its rooms would be opened
// elsewhere, and the next host would be run over.
func (p *Proxy) undialed(host string, began time.Time, err error) error {
	var timeout net.Error
	switch {
	case isAny(err, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL):
		return errShort
	case errors.Is(err, syscall.EAGAIN): // the queue of a Unix socket is full
		return errBusy
	case errors.As(err, &timeout) && timeout.Timeout() && p.answers.since(host, began): // a TCP socket's queue is, which says nothing
		return errBusy
	}
	return errUnreachable
}

func isAny(err error, those ...syscall.Errno) bool {
	return slices.ContainsFunc(those, func(e syscall.Errno) bool { return errors.Is(err, e) })
}

// answers is when hosts last answered a handshake.
type answers struct {
	mu   sync.Mutex
	last map[string]time.Time
}

const (
	manyAnswers = 1 << 10     // from so many on those that say nothing any more are forgotten,
	oldAnswer   = time.Minute // which are those so old
)

func (a *answers) note(host string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last == nil {
		a.last = make(map[string]time.Time)
	}
	if _, known := a.last[host]; !known && len(a.last) >= manyAnswers {
		for id, at := range a.last {
			if now.Sub(at) > oldAnswer {
				delete(a.last, id)
			}
		}
	}
	a.last[host] = now
}

// since reports whether a host has answered since a time.
func (a *answers) since(host string, t time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last[host].After(t)
}

// notTaken sees to a route on which the client could not be connected to the host. The error, if any, is for the client.
func (c *conn) notTaken(ctx context.Context, to *route, err error) error {
	var end *protocol.CloseError
	switch {
	case ctx.Err() != nil: // the client went, or its time is over: the host has nothing to do with it
		to.unpick(false)
		to.abandon()
		return nil
	case errors.As(err, &end):
		to.unpick(false)
		to.abandon()
		c.p.log.Warn("a host does not take a client's handshake", "room", c.room.id, "host", to.host.ID, "error", err)
		return end
	}
	c.p.log.Info("a host does not take a connection", "room", c.room.id, "host", to.host.ID, "error", err)
	why, gone, broke := "its host does not answer", errors.Is(err, errUnreachable), !ws.IsDeadline(err)
	for _, known := range []error{errRefused, errUnreachable, errBusy, errShort} {
		if errors.Is(err, known) {
			why, broke = known.Error(), false // and not where hosts are, which is nobody's business
		}
	}
	if gone {
		c.p.unreachable(ctx, to)
	}
	to.unpick(!errors.Is(err, errShort))
	if broke { // in the middle of the handshake
		to.breaksDown(why, false)
		return nil
	}
	to.fails(why, gone || errors.Is(err, errRefused))
	return nil
}
