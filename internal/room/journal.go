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
	if r.mu.TryLock() {
		if r.first == nil {
			defer r.mu.Unlock()
			r.committed(seq)
			return
		}
		r.mu.Unlock()
	}
	r.host.start(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.committed(seq)
	})
}

func (r *room) committed(seq uint64) {
	defer r.shield()
	if r.phase == gone || seq <= r.durable {
		return
	}
	r.durable = seq
	if r.first != nil && r.first.seq <= seq {
		r.show()
	}
	r.wake()
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
	defer r.shield()
	if r.phase == gone {
		return
	}
	was := r.delayed
	r.delayed = err
	switch {
	case (err == nil) == (was == nil):
		return
	case err != nil:
		r.host.stats.StoreErrors.Add(1)
		r.log.Error("the journal cannot be written; retrying", "error", err)
	default:
		r.log.Info("the journal can be written again")
	}
	r.tellStorage()
}

// tellStorage tells the members who can understand it how the journal does.
func (r *room) tellStorage() {
	frame := r.storageFrame()
	for _, s := range r.members {
		if s.symphony {
			s.member.Send(frame, false)
		}
	}
}

func (r *room) storageFrame() []byte {
	state, reason := protocol.StorageFine, ""
	switch {
	case r.refusing:
		state, reason = protocol.StorageFull, "the server cannot store changes just now and takes no more of them; they are kept by those who made them"
	case r.delayed != nil:
		state, reason = protocol.StorageDelayed, "the server cannot store changes just now; it keeps them in memory and tries again"
	}
	return protocol.StorageFrame(state, reason).Bytes()
}

// overloaded says why no more updates are taken; nil if they are. Members hear when that changes.
func (r *room) overloaded() *protocol.CloseError {
	behind := r.behind()
	if refusing := behind > 0; refusing != r.refusing {
		r.refusing = refusing
		if refusing {
			r.log.Error("updates are refused until storage has caught up", "behind", behind)
		} else {
			r.log.Info("updates are taken again")
		}
		r.tellStorage()
	}
	if behind == 0 {
		return nil
	}
	return protocol.Closef(protocol.CloseUnavailable, "storage is behind by %d bytes; nothing more is taken until it recovers", behind)
}

// behind is how many bytes wait for the journal if they are more than the room, or all rooms together, may let wait; else 0.
// Once updates are refused half of that has to go before they are taken again: else storage that is just too slow would have the
// members told of every single commit.
func (r *room) behind() int {
	share := 1
	if r.refusing {
		share = 2
	}
	if waiting := r.host.store.Backlog(); waiting > r.host.opts.MaxWaiting/share {
		return waiting
	}
	if waiting := r.handle.Backlog(); waiting > r.host.opts.MaxBacklog/share {
		return waiting
	}
	return 0
}

// Fenced implements JournalEvents: another host has the room now.
func (r *room) Fenced() {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.shield()
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
