package manage

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/symphony-rtc/symphony/internal/archive"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

// Import makes the rooms of an archive that Check has read without complaint. After an error some of them are made, as i counts.
func (m *Manager) Import(ctx context.Context, r io.Reader, i *Import) error {
	ar, err := archive.NewReader(r)
	if err != nil {
		return err
	}
	defer ar.Close()
	for {
		about, err := ar.NextRoom()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			i.Rooms++
			err = m.importRoom(ctx, ar, about, i)
		}
		if err != nil {
			return fmt.Errorf("import room %q: %w", about.ID, err)
		}
	}
}

// unfinished is the reason for the quarantine of a room while its versions are imported: nobody shall take one of those for the
// room's newest state, not even after a crash.
const unfinished = "an import of it did not come to its end: erase it and import it again"

func (m *Manager) importRoom(ctx context.Context, ar *archive.Reader, about archive.Room, i *Import) error {
	info, err := m.store.Room(ctx, about.ID)
	if i.Existing == Skip && !errors.Is(err, store.ErrNoRoom) && !(err == nil && m.fresh(info)) {
		i.Skipped++
		return nil // and its members do not notice
	}
	var document []byte
	if about.Versions == 0 {
		if document, err = ar.Document(); err != nil {
			return err
		}
	}
	begun := false // the archive can be read once
	outcome, versions := 0, 0
	const created, replaced, skipped = 1, 2, 3
	err = m.claim(ctx, about.ID, replacing, func(h *store.Handle, stored room.Stored) error {
		if begun {
			return errors.New("another server took the room meanwhile")
		}
		outcome, versions = created, 0
		if stored.Snapshot != nil || stored.LastSeq > 0 {
			switch i.Existing {
			case Skip:
				outcome = skipped
				return nil
			case Replace:
				outcome = replaced
			default:
				return ErrExists
			}
		}
		if _, err := m.keepBefore(ctx, about.ID, h, stored, "before it was replaced by an import"); err != nil {
			return err
		}
		in := &installer{ctx: ctx, manager: m, handle: h, id: about.ID, through: stored.LastSeq}
		if outcome == created {
			in.now = stored.Generation
		}
		if about.Versions == 0 {
			return in.put(document, about.Generation)
		}
		if err := m.store.Quarantine(ctx, about.ID, unfinished); err != nil {
			return err
		}
		begun = true
		for {
			v, body, err := ar.NextVersion()
			if errors.Is(err, io.EOF) {
				break
			}
			if err == nil && body != nil {
				versions++
				err = in.version(v, body)
			}
			if err != nil {
				return err
			}
		}
		document, err := ar.Document()
		if err == nil {
			err = in.put(document, about.Generation)
		}
		if err == nil {
			err = m.store.Quarantine(ctx, about.ID, "")
		}
		return err
	})
	if err != nil {
		return err
	}
	switch outcome {
	case created:
		i.Created++
	case replaced:
		i.Replaced++
	case skipped:
		i.Skipped++
	}
	i.Versions += versions
	return nil
}

// installer gives a claimed room one document after the other.
type installer struct {
	ctx     context.Context
	manager *Manager
	handle  *store.Handle
	id      string
	through uint64 // newest update of the room
	now     uint64 // the room's generation, if nothing was ever written to it

	begun      bool   // a document was put
	generation uint64 // of that, in the archive
}

// put makes a document the room's. The room gets the generation that the document has in the archive, or a higher one, so that
// no client merges a copy of what the document replaced where it comes from; and another one than the document before if it
// has another one in the archive.
func (in *installer) put(document []byte, generation uint64) error {
	follows := in.begun && generation == in.generation || !in.begun && in.now >= max(generation, 1)
	in.begun, in.generation = true, generation
	if follows {
		return in.handle.Save(in.ctx, in.through, document)
	}
	return in.handle.ReplaceAs(in.ctx, document, generation)
}

// version makes a version of a document. Its number and time are those of now: a label says when it was made, if nobody gave
// it a better one.
func (in *installer) version(v archive.Version, document []byte) error {
	if err := in.put(document, v.Generation); err != nil {
		return err
	}
	label := v.Label
	if label == "" {
		label = fmt.Sprintf("%s version of %s", v.Kind, v.Created.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	kind := v.Kind
	switch kind {
	case store.VersionAutomatic, store.VersionManual, store.VersionReplaced:
	default:
		kind = store.VersionManual
	}
	_, err := in.manager.store.Keep(in.ctx, in.id, kind, label)
	return err
}
