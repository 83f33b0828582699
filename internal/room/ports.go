// Package room is the heart of Symphony: a room is one document and the people connected to it. It decodes what
// members send, journals and relays it, keeps presence, acknowledges what is durable, stores snapshots and ends itself
// when nobody is left. It knows neither network nor disk, only the ports in this file.
package room

import (
	"context"
	"errors"

	"github.com/symphony-rtc/symphony/protocol"
)

// Member is one connection as its room sees it. No method blocks; none is called after Session.Leave returned.
// Calls come from several goroutines, but never two at a time (the room's lock is held).
type Member interface {
	// Send hands over one framed message (protocol.Frame.Bytes: WebSocket header and payload). The bytes are valid
	// only during the call: the member writes them to its socket without blocking, or copies what the socket did not
	// take into its bounded queue. A member whose queue is full cuts itself off.
	//
	// With later set the member may hold the message back until its next flush (a tick of some 10 ms): the room says so
	// in crowds, where one write for many messages is what keeps a room of hundreds affordable. A member that knows its
	// server to be short of processor time may do so with any message.
	Send(frame []byte, later bool)

	// Probe makes the connection prove within seconds that its client is there, or ends it. More than one call while that
	// is open changes nothing.
	Probe()

	// Close ends the connection with a close frame, after what is queued if the socket takes it. The gateway then calls
	// Session.Leave as for any other end.
	Close(code protocol.CloseCode, reason string)
}

// Store is where rooms are when no host holds them in memory. One conformance suite (internal/store/storetest) holds
// for every implementation. All methods are safe for concurrent use.
type Store interface {
	// Open claims a room for this process: it creates the room if need be, raises its epoch by one, and returns what
	// is stored. From then on every older Handle of the room is fenced: its writes fail with ErrFenced.
	// events hears of the fate of appended updates.
	// Errors that a room acts on: ErrDeleted, ErrCorrupt.
	Open(ctx context.Context, id string, events JournalEvents) (Handle, Stored, error)

	// Salvage reads as much as can be read of a room that Open refused with ErrCorrupt, without changing anything: the
	// newest snapshot that passes its checks and the journal's rows that do. Epoch and LastSeq are those of the catalog.
	Salvage(ctx context.Context, id string) (Stored, error)

	// Backlog is the number of bytes of all rooms that are appended and not yet durable.
	Backlog() int
}

// Stored is a room as the store had it when it was opened.
type Stored struct {
	Epoch      uint64
	Generation uint64   // see the glossary in ARCHITECTURE.md; 1 for a new room
	Snapshot   []byte   // the newest snapshot (a V2 update), nil if there is none
	Journal    [][]byte // the updates (V1 or V2, see Handle.Append) that are not in the snapshot, in order of their numbers
	LastSeq    uint64   // number of the newest update ever journalled; 0 for a new room
}

// Handle is one opened room in the store.
type Handle interface {
	// Append queues an update (V1) for the next group commit and returns at once. seq is LastSeq+1 for the first, and
	// rises by one each time. The bytes are copied before it returns. The queue holds what could not be committed yet
	// and is retried until it is; its size in bytes is reported by Backlog.
	Append(seq uint64, update []byte)

	// Backlog is the number of bytes of this room that are appended and not yet durable.
	Backlog() int

	// Save stores a snapshot (a V2 update) that contains every update up to and including seq through: the object first,
	// then, in one fenced transaction, the catalog's pointer to it and the removal of the journal rows it covers.
	// It may be called while appends are in flight; through must already be durable.
	Save(ctx context.Context, through uint64, snapshot []byte) error

	// Release marks the room inactive and ends the handle. Everything appended must be durable before. Idempotent.
	Release(ctx context.Context) error
}

// JournalEvents is how a store tells a room what became of its appends. Calls come from the store's own goroutine, one
// at a time for a room; they must return soon and may not call back into the store except Append.
type JournalEvents interface {
	// Committed says that every update up to seq is durable.
	Committed(seq uint64)
	// Delayed says that a commit failed and is being retried; nil says that commits work again.
	Delayed(err error)
	// Fenced says that another process opened the room: nothing of this handle will be stored any more.
	Fenced()
}

// Claims is how a host tells others that it serves a room, where there are others (internal/cluster). It routes, it does not
// fence: that is the store's. Safe for concurrent use.
type Claims interface {
	// Claim makes this host the one that serves the room, before the room is opened in the store. An error that is a
	// *protocol.CloseError is what joiners are told, CloseMoved if another host serves the room.
	Claim(ctx context.Context, id string) error
	// Opened says that a room that was claimed is open: from now on the host is used. It returns at once.
	Opened(id string)
	// Release says that the room is not on this host, or not any more. It returns at once; calls about one room take effect in
	// their order. It may be called for a room that this host never claimed, because others can claim rooms for it.
	Release(id string)
}

var (
	// ErrFenced is returned by a Handle whose room has been opened by another process since.
	ErrFenced = errors.New("room was opened elsewhere: this host's epoch is over")
	// ErrDeleted is wrapped by errors of Open about a room that was deleted and can still be restored.
	ErrDeleted = errors.New("the room was deleted")
	// ErrCorrupt is wrapped by errors of Open that say stored data of the room failed its checks. Nothing is changed.
	ErrCorrupt = errors.New("stored data is corrupt")
)
