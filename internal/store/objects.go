package store

import (
	"context"
	"errors"
)

// Objects holds immutable objects under keys. Keys are made by this package (see NewSnapshotKey): short, printable
// ASCII, with '/' between folders. Safe for concurrent use.
type Objects interface {
	// Put stores a new object, the concatenation of parts, durably before it returns. If the key exists nothing is
	// changed and the error is ErrObjectExists. After any other error the object may or may not be there, but never
	// in part.
	Put(ctx context.Context, key string, parts ...[]byte) error
	// Get returns a whole object, or ErrNoObject. The bytes belong to the caller.
	Get(ctx context.Context, key string) ([]byte, error)
	// List calls f with every key, in no particular order, until f fails. Left-overs of interrupted Puts are not listed;
	// an implementation removes them itself.
	List(ctx context.Context, f func(key string) error) error
	// Delete removes an object. It is no error if there is none.
	Delete(ctx context.Context, key string) error
}

var (
	// ErrNoObject is returned by Objects.Get.
	ErrNoObject = errors.New("no such object")
	// ErrObjectExists is returned by Objects.Put; an object is never overwritten.
	ErrObjectExists = errors.New("object exists already")
)
