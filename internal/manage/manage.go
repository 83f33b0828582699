// Package manage is what one does with rooms besides joining them: create, keep versions, compare, restore, delete, erase,
// repair, copy to other servers. It works on rooms that are open on this host and on rooms that are only stored.
package manage

import (
	"context"
	"errors"
	"fmt"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/protocol"
)

var (
	// ErrExists says that a room to be created has content, or had some, already.
	ErrExists = errors.New("the room exists already")
	// ErrIncomplete says that an update to begin a document with builds on something that is not in it.
	ErrIncomplete = errors.New("the update builds on others that are not in it")
	// ErrOtherGeneration says that a version is no earlier state of the present document, which was replaced since or lost
	// something, so that it cannot be restored as an edit.
	ErrOtherGeneration = errors.New("the version is no earlier state of the present document")
	// ErrHealthy says that a room to be repaired has no damage.
	ErrHealthy = errors.New("nothing is wrong with the room")
)

// Rooms is what is asked of the rooms that are open here (room.Host).
type Rooms interface {
	View(id string, read func(*crdt.Doc)) bool
	Edit(ctx context.Context, id string, edit func(doc *crdt.Doc, blank bool) (update []byte, err error)) error
	Flush(ctx context.Context, id string) error
	Hold(ctx context.Context, id string, why *protocol.CloseError, do func() error) error
}

// Manager does things to rooms. Safe for concurrent use.
type Manager struct {
	rooms Rooms
	store *store.Store
}

// New returns a Manager of the rooms that are open here and of all that are stored.
func New(rooms Rooms, stored *store.Store) *Manager { return &Manager{rooms: rooms, store: stored} }

// Store is the store that the manager works on, for what needs no more than that.
func (m *Manager) Store() *store.Store { return m.store }

// Create makes a room with a first content, an update (V1); empty for none. However many try at the same time, and whatever
// clients send meanwhile, the content of one of them is taken, once: the others get ErrExists, as does everybody if
// something was written to the room before. When Create returns the content is durable. Errors: ErrExists, ErrIncomplete,
// crdt.ErrMalformed, crdt.ErrTooLarge.
func (m *Manager) Create(ctx context.Context, id string, content []byte) error {
	if err := m.create(ctx, id, content); err != nil {
		return fmt.Errorf("create room %q: %w", id, err)
	}
	return nil
}

func (m *Manager) create(ctx context.Context, id string, content []byte) error {
	if len(content) > 0 {
		// What waits for others could never be seen, and nobody else would be let in as the first.
		applied, err := crdt.NewDoc(crdt.Options{}).ApplyUpdate(content)
		switch {
		case err != nil:
			return err
		case applied.Pending:
			return ErrIncomplete
		case !applied.Changed:
			content = nil
		}
	}
	return m.rooms.Edit(ctx, id, func(_ *crdt.Doc, blank bool) ([]byte, error) {
		switch {
		case !blank:
			return nil, ErrExists
		case len(content) == 0:
			return nil, nil
		}
		return content, nil
	})
}

// Document returns the present document of a room: as its members see it if it is open here, else as it is stored.
// Errors: store.ErrNoRoom, room.ErrCorrupt. Of a damaged room that is open, it is what could be read of it.
func (m *Manager) Document(ctx context.Context, id string) (*crdt.Doc, error) {
	var snapshot []byte
	var err error
	if m.rooms.View(id, func(doc *crdt.Doc) { snapshot, err = doc.EncodeStateAsUpdateV2(nil) }) {
		if err != nil {
			return nil, fmt.Errorf("read room %q: %w", id, err)
		}
		return room.Stored{Snapshot: snapshot}.Document()
	}
	stored, err := m.store.Read(ctx, id)
	if err != nil {
		return nil, err
	}
	doc, err := stored.Document()
	if err != nil {
		return nil, fmt.Errorf("read room %q: %w: %w", id, err, room.ErrCorrupt)
	}
	return doc, nil
}
