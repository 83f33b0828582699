package remote

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/symphony-rtc/symphony/internal/ipc"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// heldClaim is a claim that a session's process holds, at the side of the catalog. It hears of the fate of appends and keeps the
// news until they can be written: only the newest state of everything, so a process that does not read costs no memory.
type heldClaim struct {
	s     *session
	num   uint64
	claim store.Claim // set before the client knows of the claim
	next  uint64      // number that the next update must have; of the session's reader

	// Under the session's mu.
	listed    bool   // in s.news
	committed uint64 // newest durable update that is to be told; 0 for none
	delay     error  // why commits fail
	delayNews bool
	fenced    bool
	fenceNews bool
	waiting   chan struct{} // closed at the next event, if somebody waits
}

var _ room.JournalEvents = (*heldClaim)(nil)

// append passes an update on.
func (c *heldClaim) append(seq uint64, update []byte) error {
	if seq != c.next {
		return fmt.Errorf("update %d of a claim where %d is next", seq, c.next)
	}
	c.next++
	c.claim.Append(seq, update)
	return nil
}

// Committed implements room.JournalEvents.
func (c *heldClaim) Committed(seq uint64) { c.event(func() { c.committed = seq }) }

// Delayed implements room.JournalEvents.
func (c *heldClaim) Delayed(err error) { c.event(func() { c.delay, c.delayNews = err, true }) }

// Fenced implements room.JournalEvents.
func (c *heldClaim) Fenced() { c.event(func() { c.fenced, c.fenceNews = true, true }) }

func (c *heldClaim) event(note func()) {
	s := c.s
	s.mu.Lock()
	note()
	first := len(s.news) == 0
	if !c.listed {
		c.listed = true
		s.news = append(s.news, c)
	}
	if c.waiting != nil {
		close(c.waiting)
		c.waiting = nil
	}
	s.mu.Unlock()
	if first {
		s.out.Wake()
	}
}

// fill appends the news, in the order in which a journal tells them.
func (c *heldClaim) fill(dst []byte) []byte {
	c.listed = false
	if c.delayNews && c.delay == nil {
		dst = ipc.AppendPost(dst, postDelayed, c.num, known.Pack(nil, nil), nil)
	}
	if c.committed > 0 {
		var seq [8]byte
		binary.LittleEndian.PutUint64(seq[:], c.committed)
		dst = ipc.AppendPost(dst, postCommitted, c.num, seq[:], nil)
	}
	if c.delayNews && c.delay != nil {
		dst = ipc.AppendPost(dst, postDelayed, c.num, known.Pack(nil, c.delay), nil)
	}
	if c.fenceNews {
		dst = ipc.AppendPost(dst, postFenced, c.num, nil, nil)
	}
	c.committed, c.delayNews, c.fenceNews = 0, false, false
	return dst
}

// settle waits until everything appended is durable or the claim is fenced. With giveUp, commits that fail are an error.
func (c *heldClaim) settle(ctx context.Context, giveUp bool) error {
	for {
		c.s.mu.Lock()
		if c.waiting == nil {
			c.waiting = make(chan struct{})
		}
		waiting, fenced, delay := c.waiting, c.fenced, c.delay
		c.s.mu.Unlock()
		backlog := c.claim.Backlog() // the event that may follow a change of it is one that is waited for
		if fenced || backlog == 0 {
			return nil
		}
		if giveUp && delay != nil {
			return fmt.Errorf("%d bytes of updates could not be made durable yet: %w", backlog, delay)
		}
		select {
		case <-waiting:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
