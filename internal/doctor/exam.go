package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

const (
	// versionsAtOnce is how many versions are listed at a time.
	versionsAtOnce = 100
	// toldPerRoom bounds what is said about one room.
	toldPerRoom = 10
)

const adviseRepair = "restore it from a backup, or repair the room with `symphony repair ROOM`"

// exam is a look at one room.
type exam struct {
	s       *store.Store
	info    store.Room
	found   []store.Finding
	damaged bool
	objects int // that were read
	untold  int
}

func (e *exam) add(state store.State, text, do string) {
	if len(e.found) < toldPerRoom {
		e.found = append(e.found, store.Finding{State: state, Text: text, Do: do})
		return
	}
	e.untold++
}

// damage notes damage to the newest state of the room.
func (e *exam) damage(err error) {
	e.damaged = true
	e.add(store.Broken, reason(err), adviseRepair)
}

// all looks at everything about the room. An error says that storage could not be read.
func (e *exam) all(ctx context.Context) error {
	if err := e.newest(ctx); err != nil {
		return err
	}
	if err := e.previous(ctx); err != nil {
		return err
	}
	if err := e.versions(ctx); err != nil {
		return err
	}
	if e.untold > 0 {
		e.found = append(e.found, store.Finding{State: store.Broken, Text: fmt.Sprintf("and %d more findings", e.untold)})
	}
	return nil
}

// newest looks at what a server that opens the room reads.
func (e *exam) newest(ctx context.Context) error {
	if e.info.SnapshotKey != "" {
		e.objects++
	}
	stored, err := e.s.Read(ctx, e.info.ID)
	switch {
	case errors.Is(err, room.ErrCorrupt):
		return e.details(ctx, err)
	case err != nil:
		return err
	}
	doc, err := stored.Document()
	if err != nil {
		return e.details(ctx, err)
	}
	if waiting := doc.Stats().Pending; waiting > 0 {
		e.add(store.Doubtful, fmt.Sprintf("%d bytes of changes wait for others, which are not stored", waiting),
			"nothing, if a client still has them: it brings them when it connects")
	}
	return nil
}

// details says all that is wrong with a room that cannot be read because of why.
func (e *exam) details(ctx context.Context, why error) error {
	found, err := e.s.Examine(ctx, e.info.ID)
	if err != nil {
		return err
	}
	_, skipped, err := found.Salvage()
	list := append(found.Damage, skipped...)
	if err != nil {
		list = append(list, err)
	}
	if len(list) == 0 {
		list = []error{why}
	}
	e.damaged = true
	seen := make(map[string]bool) // damage of the catalog's row comes again
	for _, f := range e.found {
		seen[f.Text] = true
	}
	for _, err := range list {
		if text := reason(err); !seen[text] {
			seen[text] = true
			e.damage(err)
		}
	}
	return nil
}

// previous looks at the spare snapshot.
func (e *exam) previous(ctx context.Context) error {
	if e.info.PreviousKey == "" || e.damaged { // if the newest is damaged it was looked at already
		return nil
	}
	err := e.object(ctx, e.info.PreviousKey, e.info.PreviousThrough)
	if errors.Is(err, room.ErrCorrupt) {
		e.add(store.Doubtful, "the snapshot before the newest, which is a spare one: "+reason(err), "nothing: the next change of the room replaces it")
		return nil
	}
	return err
}

// object reads a snapshot and decodes it.
func (e *exam) object(ctx context.Context, key string, through uint64) error {
	e.objects++
	body, err := e.s.Snapshot(ctx, e.info.ID, key, through)
	if err != nil {
		return err
	}
	if err := crdt.ValidateUpdateV2(body); err != nil {
		return fmt.Errorf("snapshot %s cannot be decoded: %w: %w", key, err, room.ErrCorrupt)
	}
	return nil
}

func (e *exam) versions(ctx context.Context) error {
	known := map[string]bool{e.info.SnapshotKey: true, e.info.PreviousKey: true}
	for before := uint64(0); ; {
		list, err := e.s.Versions(ctx, e.info.ID, before, versionsAtOnce)
		if errors.Is(err, store.ErrNoRoom) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, v := range list {
			before = v.Number
			if v.Kind == store.VersionDamaged || known[v.Key] {
				continue
			}
			if err := e.version(ctx, v); err != nil {
				return err
			}
		}
		if len(list) < versionsAtOnce {
			return nil
		}
	}
}

func (e *exam) version(ctx context.Context, v store.Version) error {
	err := e.object(ctx, v.Key, v.Through)
	if !errors.Is(err, room.ErrCorrupt) {
		return err
	}
	if _, _, again := e.s.ReadVersion(ctx, e.info.ID, v.Number); errors.Is(again, store.ErrNoVersion) {
		return nil // dropped meanwhile
	}
	e.add(store.Broken, fmt.Sprintf("version %d of %s: %s", v.Number, v.Created.UTC().Format("2006-01-02 15:04"), reason(err)),
		"restore the object from a backup, or drop the version; the room itself is not concerned")
	return nil
}
