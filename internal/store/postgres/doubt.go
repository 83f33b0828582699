package postgres

import "sync"

// doubts are the claims with a transaction of which nobody knows whether it was committed. A claim's doubt ends with
// its next transaction that gets the lock of its room's row. The zero value is ready. Safe for concurrent use.
type doubts struct {
	mu     sync.Mutex
	claims map[*claim]struct{}
	wait   []chan struct{}
}

// note enters what is known after a transaction of a claim.
func (d *doubts) note(c *claim, err error, locked bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case isUncertain(err):
		if d.claims == nil {
			d.claims = make(map[*claim]struct{})
		}
		d.claims[c] = struct{}{}
	case locked:
		delete(d.claims, c)
		if len(d.claims) == 0 {
			for _, w := range d.wait {
				close(w)
			}
			d.wait = nil
		}
	}
}

func (d *doubts) settled() <-chan struct{} {
	c := make(chan struct{})
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.claims) == 0 {
		close(c)
	} else {
		d.wait = append(d.wait, c)
	}
	return c
}
