package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
)

// What a catalog keeps about rooms besides their newest state. The records of all SQL catalogs are the same code
// (internal/store/records).

// Kinds of versions. Retention by count and age concerns automatic ones without a label; the others stay until they are dropped.
const (
	VersionAutomatic = "automatic" // made on a schedule while the room was edited
	VersionManual    = "manual"    // somebody asked for it
	VersionReplaced  = "replaced"  // the state before a restore or another replacement of the document
	VersionDamaged   = "damaged"   // a snapshot that failed its checks, kept by a repair for whoever wants to look
)

// Version is a state of a room that is kept: a snapshot object that retention leaves alone.
type Version struct {
	Room       string
	Number     uint64 // from 1, rising, per room
	Created    time.Time
	Kind       string // one of the constants
	Label      string // what a person calls it; "" if nobody named it
	Epoch      uint64 // of the host that wrote the snapshot
	Generation uint64 // of the document. Versions of other generations are unrelated documents
	Through    uint64 // newest update inside
	Key        string // of the snapshot object
	Bytes      int64  // size of that object
}

// Versions is the history of rooms. Methods that drop references to objects return the keys that nothing points to any
// more: the caller removes those objects, and until then they are orphans. Safe for concurrent use.
type Versions interface {
	// Keep makes the room's newest snapshot a version. Errors: ErrNoRoom; ErrNoVersion if the room has no snapshot yet.
	Keep(ctx context.Context, room, kind, label string) (Version, error)
	// Versions lists up to limit versions of a room, newest first, with numbers below before (0 for no bound).
	Versions(ctx context.Context, room string, before uint64, limit int) ([]Version, error)
	// Version returns one version, or ErrNoVersion.
	Version(ctx context.Context, room string, number uint64) (Version, error)
	// Label names a version; "" takes the name away. ErrNoVersion if there is none.
	Label(ctx context.Context, room string, number uint64, label string) error
	// Drop ends a version. ErrNoVersion if there is none.
	Drop(ctx context.Context, room string, number uint64) (free []string, err error)
	// Thin ends automatic versions without a label: those beyond the newest keep of their room, and those made before the
	// time before. It may stop after some thousands; more says that there are others.
	Thin(ctx context.Context, keep int, before time.Time) (free []string, more bool, err error)
}

// Lifecycle is the end of rooms, and what may come after it. Safe for concurrent use.
type Lifecycle interface {
	// Delete marks a room deleted and raises its epoch, so that a host that has it open is fenced. Claim then fails with
	// room.ErrDeleted. Deleting a deleted room changes nothing. ErrNoRoom.
	Delete(ctx context.Context, id string) error
	// Undelete takes the mark away; the room is as it was. ErrNoRoom.
	Undelete(ctx context.Context, id string) error
	// Erase removes everything about a room, its versions and visits included, and returns the keys of all its objects. What
	// stays is a hash of its id with its generation, so that a new room of that id gets a higher one and no client
	// merges its copy of the old document into it. ErrNoRoom.
	Erase(ctx context.Context, id string) (free []string, err error)
	// Deleted lists up to limit rooms that were deleted before a time.
	Deleted(ctx context.Context, before time.Time, limit int) ([]string, error)
	// Quarantine notes why a room cannot be opened for writing: Claim fails with room.ErrCorrupt and the reason. "" lifts
	// it. ErrNoRoom.
	Quarantine(ctx context.Context, id, reason string) error
}

// Visit is one stay of a connection in a room.
type Visit struct {
	Room       string
	Connection string // unique in its room: epoch and number, as in protocol.Hello
	Epoch      uint64
	Protocol   string // "symphony.v1" or "yjs"
	Joined     time.Time
	Left       time.Time // zero while it lasts. Of a host that died it stays zero; Room.Active and Epoch tell
	Reason     string    // why it ended, if the server ended it
}

// Visits is the history of connections. It is best effort: a crash loses the last second of it.
type Visits interface {
	// RecordVisits adds visits or, where the connection is known, overwrites them, and adjusts the member counts of their rooms.
	// Visits of unknown rooms are dropped.
	RecordVisits(ctx context.Context, visits []Visit) error
	// Visits lists up to limit visits of a room, newest first, that joined before a time (zero for no bound).
	Visits(ctx context.Context, room string, before time.Time, limit int) ([]Visit, error)
	// ForgetVisits removes visits that ended before a time, some thousands at most; more says that there are others.
	ForgetVisits(ctx context.Context, before time.Time) (more bool, err error)
}

// Pointer is what Claim.Point makes a room's newest state.
type Pointer struct {
	Key     string // of the snapshot object
	Bytes   int64  // its size
	Through uint64 // newest update inside
	// Replace says that the document is unrelated to the one before: the generation rises. Through must be the newest durable update.
	Replace bool
	// Generation is, with Replace, the least that the generation rises to.
	Generation uint64
	// KeepEvery makes the snapshot an automatic version if the newest automatic one is older than this; 0 never.
	KeepEvery time.Duration
}

var (
	// ErrNoVersion says that a room has no such version.
	ErrNoVersion = errors.New("no such version")
	// ErrQuarantined is wrapped, beside room.ErrCorrupt, by errors about a room whose damage is known already.
	ErrQuarantined = errors.New("the room is in quarantine")
)

// Reason is what to note as the reason of a quarantine: the text of an error without that of room.ErrCorrupt at its end.
func Reason(err error) string {
	return strings.TrimSuffix(err.Error(), ": "+room.ErrCorrupt.Error())
}
