package ws

import (
	"maps"
	"sync"

	"github.com/symphony-rtc/symphony/protocol"
)

// Closes counts connections that were closed, by close code. It is safe for concurrent use.
type Closes struct {
	mu     sync.Mutex
	byCode map[protocol.CloseCode]uint64
}

// Add counts one.
func (c *Closes) Add(code protocol.CloseCode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byCode == nil {
		c.byCode = make(map[protocol.CloseCode]uint64)
	}
	c.byCode[code]++
}

// Counts returns a copy of the counts; nil if there were none.
func (c *Closes) Counts() map[protocol.CloseCode]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.byCode)
}
