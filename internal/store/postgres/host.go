package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// hostClass is the first half of the advisory locks by which hosts show that they live; the second is their number.
// Advisory locks belong to the whole database, which may have tables of symphony in several schemas.
const hostClass = `hashtext('hosts of symphony in ' || current_schema())`

const (
	hostRetryMin = 50 * time.Millisecond
	hostRetryMax = 2 * time.Second
	// buryAfter is how long this host's session must have lasted before others without one count as dead: long enough
	// for all of them to have come back too if it was the server that had gone.
	buryAfter = 5 * hostRetryMax
)

// host is this process as others see it: a number, and a session that holds the number's lock for as long as the
// process lives. When the process ends, however it ends, the server notices the end of the session and the rooms that
// the process held show as inactive. Nothing else depends on it: who may write is a matter of epochs.
type host struct {
	num       int32
	config    *pgx.ConnConfig
	buryAfter time.Duration
	cancel    context.CancelFunc
	done      chan struct{}
}

// newHost gets a number and its lock.
func newHost(ctx context.Context, config *pgx.ConnConfig, buryAfter time.Duration) (*host, error) {
	h := &host{config: config, buryAfter: buryAfter, done: make(chan struct{})}
	c, err := connect(ctx, config)
	if err != nil {
		return nil, err
	}
	err = c.QueryRow(ctx, `SELECT nextval('host')::int`).Scan(&h.num)
	if err == nil {
		err = h.lock(ctx, c)
	}
	if err != nil {
		hangUp(c)
		return nil, fmt.Errorf("get a number for this host: %w", explain(err))
	}
	run, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	go h.run(run, c)
	return h, nil
}

// noHost is the host of a guest: it has no number and no session.
func noHost() *host {
	h := &host{cancel: func() {}, done: make(chan struct{})}
	close(h.done)
	return h
}

// lock waits until the number's lock is free, which it is unless a lost session of this host still has it.
func (h *host) lock(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, `SELECT pg_advisory_lock(`+hostClass+`, $1)`, h.num)
	return err
}

// run keeps the session, and makes a new one when it is lost.
func (h *host) run(ctx context.Context, c *pgx.Conn) {
	defer close(h.done)
	retry := hostRetryMin
	for {
		if c != nil {
			h.stay(ctx, c)
			hangUp(c)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(retry):
		}
		var err error
		if c, err = connect(ctx, h.config); err == nil {
			if err = h.lock(ctx, c); err != nil {
				hangUp(c)
			}
		}
		if err != nil {
			c, retry = nil, min(2*retry, hostRetryMax)
		} else {
			retry = hostRetryMin
		}
	}
}

// stay returns when the session or ctx is over. Nobody notifies this session.
func (h *host) stay(ctx context.Context, c *pgx.Conn) {
	calm, cancel := context.WithTimeout(ctx, h.buryAfter)
	defer cancel()
	if _, _ = c.WaitForNotification(calm); ctx.Err() != nil || c.IsClosed() {
		return
	}
	if err := bury(ctx, c); err != nil && c.IsClosed() { // else some other host will do it
		return
	}
	_, _ = c.WaitForNotification(ctx)
}

// bury marks the rooms inactive that dead hosts had open. Readers do not need that, but statements that look at the
// table alone do.
func bury(ctx context.Context, c *pgx.Conn) error {
	rows, err := c.Query(ctx, `SELECT DISTINCT host FROM room WHERE active = 1`)
	if err != nil {
		return err
	}
	holders, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	hosts := make(map[int64]bool)
	for _, h := range holders {
		hosts[h] = false
	}
	if err := living(ctx, c, hosts); err != nil {
		return err
	}
	for h, lives := range hosts {
		if !lives {
			if _, err := c.Exec(ctx, leave, h); err != nil {
				return err
			}
		}
	}
	return nil
}

// leave marks the rooms of a host inactive. It passes over those that somebody is changing just now, who knows better.
const leave = `UPDATE room SET active = 0 WHERE num IN (SELECT num FROM room WHERE active = 1 AND host = $1 ORDER BY num FOR UPDATE SKIP LOCKED)`

// close ends the session. Further calls do nothing.
func (h *host) close() {
	h.cancel()
	<-h.done
}

// living returns which of some hosts have a session. A host's lock that can be had is nobody's; it is given back at
// the end of the statement.
func living(ctx context.Context, c *pgx.Conn, hosts map[int64]bool) error {
	if len(hosts) == 0 {
		return nil
	}
	nums := make([]int32, 0, len(hosts))
	for n := range hosts {
		nums = append(nums, int32(n))
	}
	rows, err := c.Query(ctx, `SELECT h, NOT pg_try_advisory_xact_lock_shared(`+hostClass+`, h) FROM unnest($1::int[]) AS h`, nums)
	if err != nil {
		return err
	}
	var n int64
	var lives bool
	_, err = pgx.ForEachRow(rows, []any{&n, &lives}, func() error {
		hosts[n] = lives
		return nil
	})
	return err
}
