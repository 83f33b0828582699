package bench

import (
	"strings"
	"testing"
	"time"
)

func TestValidateNamesTheMistake(t *testing.T) {
	good := Config{URL: "ws://127.0.0.1:8080/rooms", Users: 1, RoomSize: 1, Duration: time.Second, Loops: 1}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for word, spoil := range map[string]func(*Config){
		"wss":      func(c *Config) { c.URL = "wss://example.org" },
		"URL":      func(c *Config) { c.URL = "127.0.0.1:8080" },
		"users":    func(c *Config) { c.Users = 0 },
		"rates":    func(c *Config) { c.PresenceRate = -1 },
		"duration": func(c *Config) { c.Duration = 0 },
		"drain":    func(c *Config) { c.Drain = -1 },
		"share":    func(c *Config) { c.SymphonyShare = 1.5 },
		"loop":     func(c *Config) { c.Loops = 0 },
	} {
		c := good
		spoil(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("wanted an error about %s, got %v", word, err)
		}
	}
}
