package room

import "github.com/symphony-rtc/symphony/crdt"

// Document builds the document of a room from what the store had: for readers that do not open the room.
func (s Stored) Document() (*crdt.Doc, error) { return build(s) }
