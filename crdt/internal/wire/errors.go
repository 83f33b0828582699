package wire

import (
	"errors"
	"fmt"
)

// ErrMalformed is wrapped by every error about bytes that are not an update, a state vector or a value of one:
// truncated, out of range, or over a limit. Only the sender is at fault.
var ErrMalformed = errors.New("malformed update")

// ErrUnencodable is wrapped by errors about values that exist in one encoding and not in the other: an embed or a
// format value that is a bigint or undefined cannot be written as JSON text (V1). Yjs throws there too.
var ErrUnencodable = errors.New("value has no V1 encoding")

// MalformedError says what was being read, and where.
type MalformedError struct {
	What   string // what was being read, and what is wrong with it
	Offset int    // byte offset in the update; in V2 possibly the start of a column's value
}

func (e *MalformedError) Error() string {
	return fmt.Sprintf("malformed update: %s at byte %d", e.What, e.Offset)
}

// Unwrap makes errors.Is(err, ErrMalformed) hold.
func (e *MalformedError) Unwrap() error { return ErrMalformed }
