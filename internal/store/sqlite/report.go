package sqlite

// What the committer tells those concerned, after a transaction. No lock is held during calls of events.

// committed reports a transaction that is durable.
func (db *DB) committed(b *batch, now int64) {
	for _, s := range b.stored {
		c := s.b.claim
		if !c.reported {
			c.reported = true
			c.news = 0
			b.news = append(b.news, c)
		}
		if s.n == 0 {
			c.fenced = true
		} else {
			c.news = s.b.last()
			db.index.add(c.num, s.n, c.news, len(s.b.data), now)
		}
		c.mu.Lock()
		c.backlog -= s.b.bytes
		if s.n != 0 {
			c.durable = c.news
		}
		c.mu.Unlock()
		db.reuse(s.b)
	}
	for _, o := range b.ops {
		if o.err == nil && o.after != nil {
			o.after()
		}
		o.err = explain(o.err)
		close(o.done)
	}
	clear(b.ops)
	b.ops = b.ops[:0]
	left := copy(b.blocks, b.blocks[len(b.stored):])
	clear(b.blocks[left:])
	b.blocks = b.blocks[:left]
	clear(b.stored)
	for _, c := range b.news {
		db.tell(c)
	}
	clear(b.news)
	b.news = b.news[:0]
}

// tell calls the events of a claim that was part of a durable transaction.
func (db *DB) tell(c *claim) {
	c.reported = false
	if c.delayed {
		c.delayed = false
		c.events.Delayed(nil)
	}
	if c.news > 0 {
		c.events.Committed(c.news)
	}
	if !c.fenced {
		return
	}
	c.mu.Lock()
	tell := !c.ended
	c.ended = true
	c.mu.Unlock()
	if tell {
		c.events.Fenced()
	}
}

// failed reports a transaction that was rolled back.
func (db *DB) failed(b *batch, err error) {
	for _, o := range b.ops {
		o.err = err
		close(o.done)
	}
	clear(b.ops)
	b.ops = b.ops[:0]
	for _, block := range b.blocks {
		if c := block.claim; !c.delayed {
			c.delayed = true
			c.events.Delayed(err)
		}
	}
}

// reuse puts a block back into the pool.
func (db *DB) reuse(b *block) {
	b.claim = nil
	if cap(b.data) > keepBlock {
		return
	}
	b.data = b.data[:blockHeader]
	b.count, b.bytes, b.first = 0, 0, 0
	db.blocks.Put(b)
}
