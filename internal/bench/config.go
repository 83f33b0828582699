package bench

import (
	"errors"
	"fmt"
	"net/url"
	"time"
)

// Config says what load to make.
type Config struct {
	URL      string // ws://host:port/path; the room's name is appended as the last segment, as y-websocket does
	Users    int    // connections
	RoomSize int    // users per room; the last room may be smaller

	DocumentRate float64 // document updates per user and second; 0 for none
	PresenceRate float64 // presence updates per user and second; 0 for none

	Ramp     time.Duration // over which connections are opened
	Settle   time.Duration // between the last connection and the measurement
	Duration time.Duration // of the measurement
	Drain    time.Duration // longest wait for late deliveries after the last send

	// SymphonyShare is the share of users (0 to 1) that offer the subprotocol symphony.v1, which makes a Symphony
	// server tell when their updates are durable. Other servers ignore it or refuse it by not choosing it.
	SymphonyShare float64

	// MergedPresence accepts that a server sends only the newest of a user's presence states: one that a newer state
	// replaced before it was sent is not lost, and its delivery time is the newer one's.
	MergedPresence bool

	PID         int  // server process whose CPU and memory are measured; 0 for none
	Descendants bool // also measure all processes that PID started

	Loops int // event loops, one thread each; 1 suffices for some 170,000 deliveries per second

	// RoomPrefix begins the rooms' names, which end in the room's number. Empty takes a new random one, so that runs
	// against the same server do not meet each other's documents.
	RoomPrefix string
}

// connectTimeout bounds one connection's way from connect to the answer of the sync handshake.
const connectTimeout = 15 * time.Second

// Validate says what is wrong with a Config, in words for the person who wrote it.
func (c Config) Validate() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return fmt.Errorf("the server's URL: %w", err)
	case u.Scheme == "wss":
		return errors.New("wss:// is not supported: give the ws:// address behind the TLS proxy, so that the server is measured and not TLS")
	case u.Scheme != "ws" || u.Host == "":
		return fmt.Errorf("the server's URL %q must look like ws://127.0.0.1:8080/rooms", c.URL)
	case c.Users < 1 || c.RoomSize < 1:
		return errors.New("users and the size of rooms must be at least 1")
	case c.DocumentRate < 0 || c.PresenceRate < 0 || c.DocumentRate > 1000 || c.PresenceRate > 1000:
		return errors.New("rates must be between 0 and 1000 messages per second")
	case c.Duration <= 0:
		return errors.New("the duration must be positive")
	case c.Ramp < 0 || c.Settle < 0 || c.Drain < 0:
		return errors.New("ramp, settle and drain times must not be negative")
	case c.SymphonyShare < 0 || c.SymphonyShare > 1:
		return errors.New("the share of symphony.v1 users must be between 0 and 1")
	case c.Loops < 1:
		return errors.New("at least one event loop is needed")
	}
	return nil
}

const modeIdle = "idle"

// mode names the kind of load.
func (c Config) mode() string {
	switch {
	case c.DocumentRate == 0 && c.PresenceRate == 0:
		return modeIdle
	case c.rooms() == 1:
		return "crowd"
	}
	return "reference"
}

// rooms is the number of rooms.
func (c Config) rooms() int { return (c.Users + c.RoomSize - 1) / c.RoomSize }

// period is the time between two messages of a kind of one user; 0 if there are none.
func (c Config) period(k Kind) time.Duration {
	rate := c.DocumentRate
	if k == Presence {
		rate = c.PresenceRate
	}
	if rate == 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / rate)
}

// RoomName is the name of room number i (from 0).
func RoomName(prefix string, i int) string { return fmt.Sprintf("%s-%d", prefix, i) }
