package store

import (
	"context"
	"errors"
	"time"
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

// AgedObjects is what Objects that several hosts use at the same time have, too. An object that no room points to may
// have been stored a moment ago by another host that will point to it in the next moment; its age tells.
type AgedObjects interface {
	Objects
	// ListAged is List with the time since each object was stored, by the clock of the storage where that is known, in
	// steps of up to a second. It can be negative where clocks differ.
	ListAged(ctx context.Context, f func(key string, age time.Duration) error) error
}

// ObjectsWithClock is what Objects on another machine have, too.
type ObjectsWithClock interface {
	Objects
	// Clock asks for the storage's time: whole seconds, and up to two seconds old.
	Clock(ctx context.Context) (time.Time, error)
}

var (
	// ErrNoObject is returned by Objects.Get.
	ErrNoObject = errors.New("no such object")
	// ErrDamagedObject is wrapped by errors of Objects.Get about bytes that, however often they are asked for, do not have the
	// checksum that the storage keeps of them.
	ErrDamagedObject = errors.New("the object is damaged")
	// ErrObjectExists is returned by Objects.Put; an object is never overwritten.
	ErrObjectExists = errors.New("object exists already")
)
