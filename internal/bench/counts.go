package bench

import (
	"time"

	"github.com/symphony-rtc/symphony/internal/bench/hist"
)

// counts is everything that a loop has counted. The loop owns it and publishes copies.
type counts struct {
	joined      int // users that became ready
	ready       int // of them, those that are connected now
	failed      int // users that never became ready
	symphony    int // users that the server speaks symphony.v1 with
	echoes      uint64
	tally       [kinds]tally
	lag         hist.Histogram // how long after it was due a message was handed to the kernel
	busy        hist.Histogram // how long one round of the loop took, without waiting
	durable     hist.Histogram // from when an update was due until its sender was told that it is durable
	undurable   int            // updates of symphony.v1 users never told to be durable; known at the end only
	disconnects map[string]int // by close code and reason; 1006 stands for none
	errors      map[string]int // by text
	cpu         time.Duration  // of the loop's thread
	finished    bool
}

func (c *counts) add(o *counts) {
	c.joined += o.joined
	c.ready += o.ready
	c.failed += o.failed
	c.symphony += o.symphony
	c.echoes += o.echoes
	for k := range c.tally {
		c.tally[k].add(&o.tally[k])
	}
	c.lag.Add(&o.lag)
	c.busy.Add(&o.busy)
	c.durable.Add(&o.durable)
	c.undurable += o.undurable
	for k, v := range o.disconnects {
		c.disconnects[k] += v
	}
	for k, v := range o.errors {
		c.errors[k] += v
	}
	c.cpu += o.cpu
	c.finished = c.finished && o.finished
}
