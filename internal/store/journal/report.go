package journal

// What the committer tells those concerned, after a transaction. No lock is held during calls of events.

// committed reports a durable transaction of the batch's ops and its first n blocks.
func (j *Journal) committed(b *batch, n int) {
	for _, block := range b.blocks[:n] {
		r := block.Room
		if !r.reported {
			r.reported = true
			r.news = 0
			b.news = append(b.news, r)
		}
		if block.Refused {
			r.fenced = true
		} else {
			r.news = block.Last()
		}
		r.mu.Lock()
		r.backlog -= block.Bytes
		if !block.Refused {
			r.durable = r.news
		}
		r.mu.Unlock()
		j.backlog.Add(int64(-block.Bytes))
		j.reuse(block)
	}
	for _, o := range b.ops {
		if o.Err == nil && o.After != nil {
			o.After()
		}
		close(o.done)
	}
	clear(b.ops)
	b.ops = b.ops[:0]
	left := copy(b.blocks, b.blocks[n:])
	clear(b.blocks[left:])
	b.blocks = b.blocks[:left]
	for _, r := range b.news {
		r.tell()
	}
	clear(b.news)
	b.news = b.news[:0]
}

// tell calls the events of a room that was part of a durable transaction.
func (r *Room) tell() {
	r.reported = false
	if r.delayed {
		r.delayed = false
		r.events.Delayed(nil)
	}
	if r.news > 0 {
		r.events.Committed(r.news)
	}
	if !r.fenced {
		return
	}
	r.mu.Lock()
	tell := !r.ended
	r.ended = true
	r.mu.Unlock()
	if tell {
		r.events.Fenced()
	}
}

// failed reports a transaction that was rolled back.
func (j *Journal) failed(b *batch, err error) {
	for _, o := range b.ops {
		o.Err = err
		close(o.done)
	}
	clear(b.ops)
	b.ops = b.ops[:0]
	for _, block := range b.blocks {
		if r := block.Room; !r.delayed {
			r.delayed = true
			r.events.Delayed(err)
		}
	}
}

// reuse puts a block back into the pool.
func (j *Journal) reuse(b *Block) {
	b.Room, b.Refused = nil, false
	if cap(b.Data) > keepBlock {
		return
	}
	b.Data = b.Data[:BlockHeader]
	b.Count, b.Bytes, b.First = 0, 0, 0
	j.blocks.Put(b)
}
