package journal

import "context"

// Op is something besides appends that wants to be part of a commit.
type Op struct {
	// Run executes in the Backend's transaction, on the committer's goroutine, with the commit's time in milliseconds since 1970.
	// It returns what to do once the transaction is durable (nil for nothing), or an error that concerns this op alone.
	Run   func(now int64) (after func(), err error)
	After func() // what Run returned; the Backend sets both
	Err   error

	state chan struct{} // holds a token until the committer takes the op or the caller withdraws it
	done  chan struct{}
}

// Do runs an op in the next commit; with hurry it does not wait for the window. Once the committer has begun with it, Do
// waits for the outcome even if ctx ends.
func (j *Journal) Do(ctx context.Context, hurry bool, run func(now int64) (after func(), err error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o := &Op{Run: run, state: make(chan struct{}, 1), done: make(chan struct{})}
	o.state <- struct{}{}
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return ErrClosed
	}
	j.ops = append(j.ops, o)
	j.mu.Unlock()
	signal(j.wake)
	if hurry {
		signal(j.hurry)
	}
	select {
	case <-o.done:
		return o.Err
	case <-ctx.Done():
	}
	select {
	case <-o.state:
		return ctx.Err() // withdrawn
	case <-o.done:
		return o.Err
	}
}
