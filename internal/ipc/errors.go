package ipc

import (
	"context"
	"errors"
	"slices"
)

// Errors cross a connection as their text and the numbers of those well-known errors that they wrap, so that errors.Is says
// the same on both sides.

// common are the errors that all protocols know. Those of a protocol follow.
var common = []error{context.Canceled, context.DeadlineExceeded, errors.ErrUnsupported}

// Errors are the errors of a protocol that keep their identity on the way. Both sides have the same, in the same order.
type Errors []error

// each calls f with every error that is known, and its number.
func (known Errors) each(f func(n uint64, err error)) {
	for i, e := range common {
		f(uint64(i), e)
	}
	for i, e := range known {
		f(uint64(len(common)+i), e)
	}
}

type packedError struct {
	Text  string
	Wraps []uint64
}

// Pack appends an error; nil is an error without a text that wraps nothing.
func (known Errors) Pack(dst []byte, err error) []byte {
	var p packedError
	if err != nil {
		p.Text = err.Error()
		known.each(func(n uint64, e error) {
			if errors.Is(err, e) {
				p.Wraps = append(p.Wraps, n)
			}
		})
	}
	return Pack(dst, p)
}

// Unpack is the reverse of Pack; ok is false if the bytes are none of its.
func (known Errors) Unpack(b []byte) (err error, ok bool) {
	var p packedError
	if Unpack(b, &p) != nil {
		return nil, false
	}
	if p.Text == "" && len(p.Wraps) == 0 {
		return nil, true
	}
	e := &remoteError{text: p.Text}
	known.each(func(n uint64, err error) {
		if slices.Contains(p.Wraps, n) {
			e.wraps = append(e.wraps, err)
		}
	})
	return e, true
}

// remoteError is an error that happened at the other side.
type remoteError struct {
	text  string
	wraps []error
}

func (e *remoteError) Error() string { return e.text }

func (e *remoteError) Unwrap() []error { return e.wraps }
