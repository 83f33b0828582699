package sqlite

import "context"

// op is something besides appends that wants to be part of a commit.
type op struct {
	// run executes in the transaction. It returns what to do once that is durable (nil for nothing), or an error that
	// concerns this op alone.
	run   func(w *conn, now int64) (after func(), err error)
	after func()
	err   error
	state chan struct{} // holds a token until the committer takes the op or the caller withdraws it
	done  chan struct{}
}

// do runs an op in the next commit. Once the committer has begun with it, do waits for the outcome even if ctx ends.
func (db *DB) do(ctx context.Context, hurry bool, run func(w *conn, now int64) (func(), error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o := &op{run: run, state: make(chan struct{}, 1), done: make(chan struct{})}
	o.state <- struct{}{}
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return ErrClosed
	}
	db.ops = append(db.ops, o)
	db.mu.Unlock()
	signal(db.wake)
	if hurry {
		signal(db.hurry)
	}
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
	}
	select {
	case <-o.state:
		return ctx.Err() // withdrawn
	case <-o.done:
		return o.err
	}
}
