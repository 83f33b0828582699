// Package payload makes and reads the messages of the load generator: the y-websocket protocol with real Yjs updates
// and awareness states, without a document in memory.
//
// A user's document updates are what Yjs emits while a person types: each update is one item with eight characters,
// appended to the user's previous one in the shared text "text". A user is a Yjs client; update number n (from 1) has the
// clock (n-1)*8, and presence number n has the awareness clock n. So every message says who sent it and which one it is,
// in the fields that servers keep when they merge updates, and the time at which it was due follows from the schedule.
//
// Formats: yjs 13.6.33 src/utils/encoding.js and src/structs/Item.js, y-protocols 1.0.7 sync.js and awareness.js,
// y-websocket 3.1.0 src/y-websocket.js, lib0 0.2.120 encoding.js.
package payload

// Message types of y-websocket, and those of symphony.v1 that the generator reads.
const (
	TypeSync           = 0
	TypeAwareness      = 1
	TypeAuth           = 2
	TypeQueryAwareness = 3
	TypeHello          = 100
	TypeDurable        = 101
)

// Kinds of sync messages.
const (
	SyncStep1  = 0
	SyncStep2  = 1
	SyncUpdate = 2
)

// UpdateUnits is the length of every update's text in UTF-16 units, hence the distance of two updates' clocks.
const UpdateUnits = 8

// RootText is the name of the shared text that all users of a room write.
const RootText = "text"
