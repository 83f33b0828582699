package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// MaxPresenceState is the largest state of one client, in bytes of JSON.
const MaxPresenceState = 1 << 20

var jsonNull = []byte("null")

// awarenessEntry is what an awareness update says of one client.
type awarenessEntry struct {
	client, clock uint64
	state         []byte // JSON; nil for null: the client left
}

// readAwarenessEntry reads: varUint client, varUint clock, varString JSON (y-protocols 1.0.7 awareness.js).
func readAwarenessEntry(b []byte, at int) (e awarenessEntry, next int, err error) {
	if e.client, at, err = readVarUint(b, at); err != nil {
		return e, at, fmt.Errorf("client id: %w", err)
	}
	if e.clock, at, err = readVarUint(b, at); err != nil {
		return e, at, fmt.Errorf("clock of client %d: %w", e.client, err)
	}
	if e.state, at, err = readVarBytes(b, at); err != nil {
		return e, at, fmt.Errorf("state of client %d: %w", e.client, err)
	}
	if bytes.Equal(bytes.Trim(e.state, " \t\r\n"), jsonNull) {
		e.state = nil
	}
	return e, at, nil
}

// checkAwareness checks a whole awareness update and returns its number of entries. Every state must be JSON in valid
// UTF-8: a client's JSON.parse or TextDecoder would throw on anything else.
func checkAwareness(update []byte) (entries uint64, err error) {
	entries, at, err := readVarUint(update, 0)
	if err != nil {
		return 0, fmt.Errorf("awareness update: number of clients: %w", err)
	}
	if entries > uint64(len(update)) {
		return 0, fmt.Errorf("awareness update: %d clients in %d bytes: %w", entries, len(update), ErrMalformed)
	}
	for range entries {
		var e awarenessEntry
		if e, at, err = readAwarenessEntry(update, at); err != nil {
			return 0, fmt.Errorf("awareness update: %w", err)
		}
		switch {
		case e.state == nil:
		case len(e.state) > MaxPresenceState:
			return 0, fmt.Errorf("awareness update: the state of client %d has %d bytes, the limit is %d: %w",
				e.client, len(e.state), MaxPresenceState, ErrMalformed)
		case !utf8.Valid(e.state) || !json.Valid(e.state):
			return 0, fmt.Errorf("awareness update: the state of client %d is not JSON: %w", e.client, ErrMalformed)
		}
	}
	return entries, nil
}
