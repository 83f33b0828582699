package remote

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/symphony-rtc/symphony/internal/ipc"
	"github.com/symphony-rtc/symphony/internal/store"
)

// Serve lets other processes use a catalog, until ctx ends. Then it ends their connections, which they cannot survive, and returns
// when nothing uses the catalog any more; whoever wants an orderly end ends those processes first. The catalog remains the
// caller's, who may use it meanwhile and closes it later. Serve closes the listener, see ipc.Listen. log hears of malformed
// messages.
func Serve(ctx context.Context, l net.Listener, catalog store.Catalog, log *slog.Logger) error {
	s := ipc.Server{Protocol: protocol, Errors: known, Log: log, Session: func(out ipc.Out) ipc.Session {
		return &session{catalog: catalog, log: log, out: out, claims: make(map[uint64]*heldClaim)}
	}}
	if err := s.Serve(ctx, l); err != nil {
		return fmt.Errorf("serve the catalog to other processes: %w", err)
	}
	return nil
}

// session is one connection, which is one process, at the side of the catalog.
type session struct {
	catalog store.Catalog
	log     *slog.Logger
	out     ipc.Out
	highest uint64 // number of a claim that the client gave; of the reader

	mu     sync.Mutex // short; taken by the committer of the catalog
	claims map[uint64]*heldClaim
	news   []*heldClaim // with something to tell
}

// claim finds a claim; nil if it is over.
func (s *session) claim(num uint64) *heldClaim {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claims[num]
}

func (s *session) forget(num uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.claims, num)
}

// Post implements ipc.Session.
func (s *session) Post(op uint8, num uint64, body []byte) error {
	switch {
	case num > s.highest:
		return fmt.Errorf("a message about claim %d, which there never was", num)
	case op == postAppend && len(body) >= 8:
		if c := s.claim(num); c != nil {
			return c.append(binary.LittleEndian.Uint64(body), body[8:])
		}
		return nil // released meanwhile
	case op == postForget:
		s.forget(num)
		return nil
	}
	return fmt.Errorf("a message of kind %d with %d bytes", op, len(body))
}

// Fill implements ipc.Session.
func (s *session) Fill(dst []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.news {
		dst = c.fill(dst)
	}
	clear(s.news)
	s.news = s.news[:0]
	return dst
}

// End implements ipc.Session: what the process left is made durable and its rooms are marked inactive, unless the catalog
// is about to be closed, after which no room is active.
func (s *session) End(ctx context.Context, _ error) {
	if err := s.releaseAll(ctx, false); err != nil && ctx.Err() == nil {
		s.log.Warn("rooms of a process that is gone could not be marked inactive", "err", err)
	}
}

// releaseAll releases all claims once what was appended to them is durable. With giveUp it does not wait for commits that
// fail just now.
func (s *session) releaseAll(ctx context.Context, giveUp bool) error {
	s.mu.Lock()
	claims := make([]*heldClaim, 0, len(s.claims))
	for _, c := range s.claims {
		claims = append(claims, c)
	}
	s.mu.Unlock()
	errs := make([]error, len(claims))
	var wg sync.WaitGroup // all at once, so that they share commits
	for i, c := range claims {
		wg.Go(func() {
			err := c.settle(ctx, giveUp)
			if err == nil {
				err = c.claim.Release(ctx)
			}
			if err == nil {
				s.forget(c.num)
			} else {
				errs[i] = err
			}
		})
	}
	wg.Wait()
	return summary(errs)
}

// summary is the first of some errors and how many there are.
func summary(errs []error) error {
	n := 0
	var first error
	for _, err := range errs {
		if err != nil {
			if n++; first == nil {
				first = err
			}
		}
	}
	if n > 1 {
		return fmt.Errorf("%d rooms: %w", n, first)
	}
	return first
}

// errUnknownClaim is for a call about a claim that was forgotten while the call was on its way.
var errUnknownClaim = errors.New("the claim has ended")
