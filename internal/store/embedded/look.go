package embedded

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/sqlite"
)

// ErrOldSchema says that the catalog of a data directory has to be opened, to bring it up to date, before it can be looked at.
var ErrOldSchema = sqlite.ErrOldSchema

// Look opens a data directory to read it, also while a server has it open. Unlike Open it recovers nothing, and every
// change fails. o.Objects must be given; the Store owns it from now on. Errors wrap fs.ErrNotExist if there is no catalog
// yet, ErrOldSchema, and room.ErrCorrupt if it is damaged.
func Look(ctx context.Context, dir string, o Options) (*Store, error) {
	s, err := look(ctx, dir, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("look at the data directory %s: %w", dir, err), o.Objects.Close())
	}
	return s, nil
}

func look(ctx context.Context, dir string, o Options) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	catalog, err := sqlite.Look(ctx, filepath.Join(dir, catalogFile))
	if err != nil {
		return nil, err
	}
	o.Store.Observe, o.Store.Log, o.Store.Passive = o.Observe, o.Log, true
	return &Store{Store: store.New(catalog, o.Objects, o.Store), objects: o.Objects, lock: unlocked{}, dir: dir}, nil
}

// unlocked is the lock of a Store that has none.
type unlocked struct{}

func (unlocked) Close() error { return nil }
