package app

import "errors"

// cleanup is what a start that fails has to take back, in the order in which it was done.
type cleanup struct{ steps []func() error }

func (c *cleanup) add(undo func() error) { c.steps = append(c.steps, undo) }

// unless is deferred: it takes everything back if the start failed, the latest first.
func (c *cleanup) unless(failed *error) {
	if *failed == nil {
		return
	}
	for i := len(c.steps) - 1; i >= 0; i-- {
		*failed = errors.Join(*failed, c.steps[i]())
	}
}
