// Package lib0 reads and writes the encodings of lib0 0.2.120 that Yjs builds on: variable-length integers, strings and
// the "any" encoding of JavaScript values, and it converts between "any" and JSON text by JavaScript's rules.
//
// Values are handled as bytes wherever possible. A value is canonical if JavaScript would write the same bytes after
// having read them; what is not is rewritten: numbers in a longer form than needed, duplicate keys, keys out of
// JavaScript's order.
//
// Text is UTF-8. JavaScript strings can hold half of a surrogate pair; where that has to survive, it is kept in its
// three-byte form (ED A0..BF xx, "WTF-8"). AppendString and everything that writes text for others replaces a lone half
// by U+FFFD and joins two halves that meet, as a JavaScript TextEncoder does.
//
// All functions are safe for concurrent use, never panic on any input, and allocate in proportion to it.
package lib0

import (
	"errors"
	"fmt"
)

// ErrMalformed is wrapped by every error about bytes that are not what they should encode.
var ErrMalformed = errors.New("malformed lib0 encoding")

// Errors of values that JSON text cannot carry. JavaScript throws for bigint, and Yjs for undefined.
var (
	ErrBigInt    = errors.New("a bigint cannot be written as JSON")
	ErrUndefined = errors.New("undefined cannot be written as JSON")
)

// MaxDepth is how deeply arrays and objects may be nested. JavaScript's own limit is its stack, some thousands.
const MaxDepth = 1000

// MaxSafeInteger is the largest integer that every JavaScript number can tell from its neighbours.
const MaxSafeInteger = 1<<53 - 1

// SyntaxError says what was being read, and where.
type SyntaxError struct {
	What   string
	Offset int // in bytes, from the start of the value
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.What, e.Offset) }

// Unwrap makes errors.Is(err, ErrMalformed) hold.
func (e *SyntaxError) Unwrap() error { return ErrMalformed }
