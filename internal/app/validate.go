package app

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Validate says which setting cannot work, and what would.
func (c *Config) Validate() error {
	if !strings.HasPrefix(c.Addr, "unix:") {
		_, port, err := net.SplitHostPort(c.Addr)
		if err != nil {
			return fmt.Errorf("setting addr: %q is not host:port: write for example 127.0.0.1:8080 or :8080", c.Addr)
		}
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			return fmt.Errorf("setting addr: %q has no port between 0 and 65535", c.Addr)
		}
	}
	if c.Cluster.Isolation != IsolationNone && c.Cluster.Isolation != IsolationProcess {
		return fmt.Errorf("setting cluster.isolation: %q is neither none nor process", c.Cluster.Isolation)
	}
	if c.Data == "" {
		return fmt.Errorf("setting data: no directory is given: write for example ./symphony-data")
	}
	for _, origin := range c.Origins {
		_, host, full := strings.Cut(origin, "://")
		if !full {
			host = origin
		}
		if host == "" || strings.ContainsAny(host, "/ ") {
			return fmt.Errorf("setting origins: %q is not an origin: write for example https://app.example.com, without a path", origin)
		}
	}
	for _, s := range Settings(c) {
		switch value := s.field.Interface().(type) {
		case Bytes:
			if value <= 0 {
				return fmt.Errorf("setting %s: must be more than 0", s.Name)
			}
		case int:
			if value <= 0 {
				return fmt.Errorf("setting %s: must be more than 0", s.Name)
			}
		case time.Duration:
			if value < 0 || value == 0 && s.Name != "room.grace" {
				return fmt.Errorf("setting %s: must be more than 0", s.Name)
			}
		}
	}
	return nil
}
