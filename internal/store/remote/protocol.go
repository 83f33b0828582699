package remote

import (
	"github.com/symphony-rtc/symphony/internal/ipc"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
)

// protocol is what both sides speak. Its number rises when the meaning of a message changes and no packed type does.
var protocol = ipc.Protocol{
	Name:  "symphony store 1",
	Types: []any{store.Room{}, store.Version{}, store.Visit{}, store.Pointer{}},
}

// known are the errors that are the same on both sides.
var known = ipc.Errors{
	room.ErrFenced, room.ErrDeleted, room.ErrCorrupt, store.ErrNoRoom, store.ErrNoVersion, store.ErrQuarantined, store.ErrNoObject,
	store.ErrDamagedObject, store.ErrObjectExists, journal.ErrClosed,
}

// Calls are named like the methods that they stand for, and their arguments and answers are those. Claims have numbers, which the client
// gives.
const (
	opClaim = iota + 1
	opPoint
	opRelease
	opLoad
	opRooms
	opRoom
	opCountRooms
	opSnapshotKeys
	opSalvage
	opRepair
	opSettled
	opClose
	opKeep
	opVersions
	opVersion
	opLabel
	opDrop
	opThin
	opDelete
	opUndelete
	opErase
	opDeleted
	opQuarantine
	opRecordVisits
	opVisits
	opForgetVisits
)

// Posts. Their id is the number of the claim.
const (
	postAppend    = iota + 100 // number of the update (8 bytes, little endian), update
	postForget                 // the client has heard that the claim is fenced and says no more about it
	postCommitted              // number of the newest durable update (8 bytes, little endian)
	postDelayed                // an error, packed; an empty one if commits work again
	postFenced
)
