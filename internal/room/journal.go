package room

import "github.com/symphony-rtc/symphony/protocol"

// acknowledge notes that the update just received from s wants to be acknowledged when all that the room has appended
// is durable; at once if it is. That holds for duplicates too: what they repeat may still be on its way to the disk.
func (r *room) acknowledge(s *Session) {
	if !s.symphony {
		return
	}
	if r.appended == r.durable {
		s.durable(s.received)
		return
	}
	if n := len(s.waiting); n > 0 && s.waiting[n-1].seq == r.appended {
		s.waiting[n-1].count = s.received
		return
	}
	s.waiting = append(s.waiting, ack{count: s.received, seq: r.appended})
}

// durable tells the client that its first count updates are durable.
func (s *Session) durable(count uint64) {
	var buf [protocol.HeaderRoom + 16]byte
	f := protocol.FrameAt(buf[:], protocol.HeaderRoom, protocol.HeaderRoom)
	s.member.Send(protocol.AppendDurable(f, count).Bytes(), false)
}

// Committed implements JournalEvents: acknowledge what waited for it. The store tells one room after the other, so a room
// that is busy, with an update of many megabytes say, must not keep the others waiting.
func (r *room) Committed(seq uint64) {
	if !r.mu.TryLock() {
		if r.host.ctx.Err() == nil {
			r.host.work.Go(func() {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.committed(seq)
			})
		}
		return
	}
	defer r.mu.Unlock()
	r.committed(seq)
}

func (r *room) committed(seq uint64) {
	if r.phase == gone || seq <= r.durable {
		return
	}
	r.durable = seq
	for _, s := range r.members {
		done := 0
		for done < len(s.waiting) && s.waiting[done].seq <= seq {
			done++
		}
		if done == 0 {
			continue
		}
		s.durable(s.waiting[done-1].count)
		s.waiting = append(s.waiting[:0], s.waiting[done:]...)
	}
}

// Delayed implements JournalEvents. The room stays usable: what is not durable is not acknowledged.
func (r *room) Delayed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && r.delayed == nil {
		r.host.stats.StoreErrors.Add(1)
		r.log.Error("the journal cannot be written; retrying", "error", err)
	}
	if err == nil && r.delayed != nil {
		r.log.Info("the journal can be written again")
	}
	r.delayed = err
}

// Fenced implements JournalEvents: another host has the room now.
func (r *room) Fenced() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fenced()
}

func (r *room) fenced() {
	if r.phase == gone {
		return
	}
	r.host.stats.Fenced.Add(1)
	r.log.Warn("another host opened the room; this one drops it", "epoch", r.epoch)
	r.end(protocol.Closef(protocol.CloseMoved, "another host serves the room now; reconnect"))
}
