// Package placement is the simulator behind `symphony bench placement`: it plays a cluster's life, with its hosts, rooms and
// failures, in virtual time, and lets the placement code itself (internal/cluster/placement) choose the hosts, from views
// of the cluster that are as old as a proxy's are. Simpler ways to choose live through the same, to compare.
//
// A seed gives the same result on every machine, up to what is measured in real time (Cost).
package placement

import (
	"errors"
	"fmt"
	"time"
)

// Config is how large a cluster is played.
type Config struct {
	Hosts     int           `json:"hosts"`
	Rooms     int           `json:"rooms"`    // that are open at a time
	Capacity  int           `json:"capacity"` // rooms per host
	Zones     int           `json:"zones"`
	Proxies   int           `json:"proxies"`   // that choose hosts independently
	Staleness time.Duration `json:"staleness"` // how old the oldest proxy's view is
	Seed      uint64        `json:"seed"`

	// CompareHosts is the size of the cluster in which the ways to choose are compared, with as many rooms on each host;
	// 0 or more than Hosts is the whole one. Some of the others make so many detours that the whole one takes long.
	CompareHosts int `json:"compareHosts"`
}

// compared is the cluster in which the ways to choose are compared.
func (c Config) compared() Config {
	if c.CompareHosts <= 0 || c.CompareHosts >= c.Hosts {
		c.CompareHosts = c.Hosts
		return c
	}
	c.Rooms = max(1, c.Rooms*c.CompareHosts/c.Hosts)
	c.Hosts = c.CompareHosts
	return c
}

// Defaults returns the configuration of the large run.
func Defaults() Config {
	return Config{Hosts: 100_000, Rooms: 10_000_000, Capacity: 160, Zones: 3, Proxies: 4, Staleness: 100 * time.Millisecond, Seed: 1,
		CompareHosts: 10_000}
}

// Validate reports what cannot be played.
func (c Config) Validate() error {
	switch {
	case c.Hosts < 2 || c.Hosts > 1_000_000:
		return errors.New("--hosts must be from 2 to 1,000,000")
	case c.Rooms < 1 || c.Rooms > 100_000_000:
		return errors.New("--rooms must be from 1 to 100,000,000")
	case c.Capacity < 1 || c.Capacity > 1_000_000:
		return errors.New("--capacity must be from 1 to 1,000,000")
	case c.Zones < 1 || c.Zones > c.Hosts:
		return errors.New("--zones must be from 1 to the number of hosts")
	case c.CompareHosts < 0 || c.CompareHosts == 1 || c.CompareHosts > 1 && c.CompareHosts < c.Zones:
		return errors.New("--compare-hosts must be 0, or at least 2 and the number of zones")
	case c.Proxies < 1 || c.Proxies > 1000:
		return errors.New("--proxies must be from 1 to 1000")
	case c.Staleness < 0 || c.Staleness > 10*time.Second:
		return errors.New("--staleness must be from 0 to 10s")
	case c.Rooms > c.Hosts*c.Capacity:
		return fmt.Errorf("%d rooms do not fit on %d hosts with a capacity of %d: raise --hosts or --capacity", c.Rooms, c.Hosts, c.Capacity)
	}
	return nil
}

// age returns the length of a tick, and the age of the oldest view in ticks.
func (c Config) age() (tick time.Duration, ticks int) {
	if c.Staleness < 4*time.Millisecond {
		return max(c.Staleness, time.Millisecond), 1
	}
	return c.Staleness / 4, 4
}
