package doctor

import (
	"context"
	"errors"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/manage"
	"github.com/symphony-rtc/symphony/protocol"
)

// Repaired says what a repair made of a room.
type Repaired struct {
	Room    string   `json:"room"`
	Done    string   `json:"done"`             // "repaired", "released" from quarantine because nothing is wrong any more, "healthy" or "failed"
	Damage  []string `json:"damage,omitempty"` // what was damaged or missing
	Through uint64   `json:"through"`          // newest update in the snapshot that was used; 0 if there was none
	Updates int      `json:"updates"`          // of the journal, applied to it
	Newest  uint64   `json:"newest"`           // newest update that the room had
	Error   string   `json:"error,omitempty"`  // why it failed
}

// What Repaired.Done can be.
const (
	DoneRepaired = "repaired"
	DoneReleased = "released"
	DoneHealthy  = "healthy"
	DoneFailed   = "failed"
)

// Repair repairs rooms in storage, one after the other, and calls report with what became of each. Servers on other
// machines that share the storage may run: a room that one of them has open is taken from it. The error is that of storage which
// cannot be opened or closed.
func Repair(ctx context.Context, storage Storage, ids []string, report func(Repaired)) error {
	s, err := storage.Change(ctx)
	if err != nil {
		return err
	}
	m := manage.New(nobody{}, s.Store)
	for _, id := range ids {
		done, err := m.Repair(ctx, id)
		report(repaired(id, done, err))
	}
	return s.Close()
}

func repaired(id string, m manage.Repaired, err error) Repaired {
	r := Repaired{Room: id, Done: DoneRepaired, Through: m.Through, Updates: m.Updates, Newest: m.Newest}
	for _, damage := range m.Damage {
		r.Damage = append(r.Damage, reason(damage))
	}
	switch {
	case errors.Is(err, manage.ErrHealthy):
		r.Done = DoneHealthy
	case err != nil:
		r.Done, r.Error = DoneFailed, err.Error()
	case m.Rechecked:
		r.Done = DoneReleased
	}
	return r
}

// nobody has no rooms open.
type nobody struct{}

var errNotOpen = errors.New("no room is open here")

func (nobody) View(string, func(*crdt.Doc)) bool { return false }

func (nobody) Edit(context.Context, string, func(*crdt.Doc, bool) ([]byte, error)) error {
	return errNotOpen
}

func (nobody) Flush(context.Context, string) error { return errNotOpen }

func (nobody) Hold(_ context.Context, _ string, _ *protocol.CloseError, do func() error) error {
	return do()
}
