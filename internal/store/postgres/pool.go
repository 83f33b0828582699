package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/symphony-rtc/symphony/internal/store/journal"
)

const (
	// freshFor is how long an idle connection is taken to be alive without a look.
	freshFor = time.Second
	// idleFor is how long a connection is kept that nobody needs.
	idleFor = 5 * time.Minute
	// lookFor bounds the look at an idle connection: what does not answer is replaced.
	lookFor = 2 * time.Second
)

// pool is a bounded number of connections that are made when needed and used again. Safe for concurrent use.
type pool struct {
	config *pgx.ConnConfig
	slots  chan struct{} // holds a token for every connection in use
	quit   chan struct{} // closed by close

	mu     sync.Mutex
	idle   []idleConn // the one used last at the end
	closed bool

	closing sync.WaitGroup // connections on their way out
}

type idleConn struct {
	*pgx.Conn
	since time.Time
}

func newPool(config *pgx.ConnConfig, size int) *pool {
	return &pool{config: config, slots: make(chan struct{}, size), quit: make(chan struct{})}
}

// with runs f with a connection of its own. If the connection turns out to be dead, f runs once more with a new one, so
// it must be harmless to repeat as long as its error is not uncertain.
func (p *pool) with(ctx context.Context, f func(c *pgx.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-p.quit:
		return journal.ErrClosed
	}
	defer func() { <-p.slots }()
	c, used, err := p.take(ctx)
	if err != nil {
		return err
	}
	err = f(c)
	if err != nil && used && c.IsClosed() && ctx.Err() == nil && !isUncertain(err) {
		p.put(c)
		p.dropIdle() // made before the same restart, most likely
		if c, err = connect(ctx, p.config); err != nil {
			return err
		}
		err = f(c)
	}
	p.put(c)
	return explain(err)
}

// take returns a connection, and whether it was used before.
func (p *pool) take(ctx context.Context) (c *pgx.Conn, used bool, err error) {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, false, journal.ErrClosed
		}
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			c, err = connect(ctx, p.config)
			return c, false, err
		}
		last := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		if time.Since(last.since) < freshFor || answers(ctx, last.Conn) {
			return last.Conn, true, nil
		}
		p.discard(last.Conn)
		p.dropIdle() // they were lost with it, most likely
	}
}

func answers(ctx context.Context, c *pgx.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	return c.Ping(ctx) == nil
}

// put gives a connection back. One that is broken or in a transaction is closed.
func (p *pool) put(c *pgx.Conn) {
	if c.IsClosed() || c.PgConn().TxStatus() != 'I' {
		p.discard(c)
		return
	}
	now := time.Now()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		p.discard(c)
		return
	}
	var old *pgx.Conn
	if len(p.idle) > 0 && now.Sub(p.idle[0].since) > idleFor {
		old = p.idle[0].Conn
		p.idle = append(p.idle[:0], p.idle[1:]...)
	}
	p.idle = append(p.idle, idleConn{c, now})
	p.mu.Unlock()
	if old != nil {
		p.discard(old)
	}
}

// discard closes a connection in the background. One that was cut off in the middle of something asks its server to
// cancel that, which may take seconds if the server does not answer.
func (p *pool) discard(c *pgx.Conn) {
	p.closing.Go(func() { hangUp(c) })
}

// hangUp closes a connection and returns when nothing of it is left.
func hangUp(c *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), lookFor)
	defer cancel()
	_ = c.Close(ctx) // says only that the server did not hear of it
	<-c.PgConn().CleanupDone()
}

func (p *pool) dropIdle() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		p.discard(c.Conn)
	}
}

// close ends the pool. It waits for connections in use to come back.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	close(p.quit)
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	p.dropIdle()
	p.closing.Wait()
}
