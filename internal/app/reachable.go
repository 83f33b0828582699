package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
)

const (
	askEvery = 2 * time.Second // readiness may be asked for more often than the catalog
	askFor   = 3 * time.Second
)

// reachable asks the catalog whether rooms could be opened, for a server that has none open that would notice. Safe for
// concurrent use.
type reachable struct {
	rooms store.Reader

	mu    sync.Mutex
	asked time.Time
	err   error
}

// check returns why the catalog does not answer, nil if it does.
func (c *reachable) check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.asked) < askEvery {
		return c.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), askFor)
	defer cancel()
	if _, c.err = c.rooms.Rooms(ctx, "", 1); c.err != nil {
		c.err = fmt.Errorf("the catalog of rooms does not answer: %w", c.err)
	}
	c.asked = time.Now()
	return c.err
}
