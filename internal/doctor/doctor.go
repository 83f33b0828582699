// Package doctor looks at the storage of a server and says what is fine, doubtful or broken: the catalog, the place of
// snapshots, and every room in them. It changes nothing unless it is told to, and repairs rooms that are damaged.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/objects"
)

// Storage is how to get at the storage that a configuration names.
type Storage struct {
	// Check says what is good or bad about catalog and disks, without opening a store.
	Check func(ctx context.Context) []store.Finding
	// Place opens the place of snapshots. The error wraps fs.ErrNotExist if it is a directory that is not there yet.
	Place func(ctx context.Context) (objects.Place, error)
	// Look opens all of it to be read, also while servers use it; nothing is changed. Errors wrap fs.ErrNotExist if there
	// is no catalog yet, and ErrOldSchema.
	Look func(ctx context.Context) (*Opened, error)
	// Change opens all of it to be changed.
	Change func(ctx context.Context) (*Opened, error)
}

// Opened is a store that is open. Close closes all parts of it.
type Opened struct {
	*store.Store
	Close func() error
}

// ErrOldSchema says that a catalog has to be brought up to date before rooms can be looked at.
var ErrOldSchema = errors.New("the schema of the catalog is of an older version")

// What is found, in the words of package store.
type (
	Finding = store.Finding
	State   = store.State
)

// States of findings, better ones first.
const (
	Fine     = store.Fine
	Doubtful = store.Doubtful
	Broken   = store.Broken
)

// What findings are about, besides what a catalog's own checks say.
const (
	checkCatalog = "catalog"
	checkPlace   = "snapshots"
	checkClock   = "snapshots' clock"
	checkRooms   = "rooms"
	checkRoom    = "room"
	checkOrphans = "orphans"
	checkForeign = "foreign objects"
)

// Options of a Run.
type Options struct {
	Rooms    []string         // look at these only; none means all
	Quick    bool             // do not look at rooms and objects
	Fix      bool             // remove orphans, lift quarantines of rooms that are fine again
	Requests int              // how many rooms are looked at, at the same time; 4 by default
	Now      func() time.Time // this machine's clock; time.Now by default
}

// Progress is how far the look at rooms has come.
type Progress struct {
	Rooms int64 // looked at
	Of    int64 // 0 if it is not known
}

// Summary is what a Run found, all in all.
type Summary struct {
	State    store.State `json:"state"` // the worst of all findings
	Doubtful int         `json:"doubtful"`
	Broken   int         `json:"broken"`
	Rooms    int64       `json:"rooms"`   // looked at
	Damaged  int64       `json:"damaged"` // of those, rooms that need a repair
	Unread   int64       `json:"unread"`  // rooms that could not be read
	Objects  int64       `json:"objects"` // snapshots that were read
	Orphans  int64       `json:"orphans"` // objects that nothing refers to
}

// Run looks at storage and calls report with every finding, and progress now and then; not two calls at a time. Its memory is bounded
// but for 8 bytes per snapshot in use. The error is that of a ctx that ended: everything else is a finding.
func Run(ctx context.Context, storage Storage, o Options, report func(store.Finding), progress func(Progress)) (Summary, error) {
	if o.Requests <= 0 {
		o.Requests = 4
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &run{storage: storage, o: o, tell: report, progress: progress}
	r.all(ctx)
	return r.sum, ctx.Err()
}

// run is one Run.
type run struct {
	storage Storage
	o       Options

	mu       sync.Mutex // guards what follows, and calls of tell and progress
	tell     func(store.Finding)
	progress func(Progress)
	sum      Summary
	of       int64
	failing  int    // how many rooms in a row could not be read
	lift     []lift // quarantines that are to be lifted
	orphans  bool   // there are orphans to remove
}

// lift is a room in quarantine with which nothing is wrong any more.
type lift struct{ id, reason string }

func (r *run) report(f store.Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.State = max(r.sum.State, f.State)
	switch f.State {
	case store.Doubtful:
		r.sum.Doubtful++
	case store.Broken:
		r.sum.Broken++
	}
	r.tell(f)
}

func (r *run) add(check string, state store.State, text, do string) {
	r.report(store.Finding{Check: check, State: state, Text: text, Do: do})
}

func (r *run) all(ctx context.Context) {
	usable, checked := true, false
	for _, f := range r.storage.Check(ctx) {
		usable = usable && (f.State != store.Broken || f.Check != checkCatalog)
		checked = checked || f.Check == checkCatalog
		r.report(f)
	}
	if ctx.Err() != nil {
		return
	}
	if !r.place(ctx) || !usable || ctx.Err() != nil {
		return
	}
	s, err := r.storage.Look(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.add(checkRooms, store.Fine, "there are none yet", "")
		return
	case errors.Is(err, ErrOldSchema):
		r.add(checkRooms, store.Doubtful, "they cannot be looked at: "+err.Error(), "look again when the schema is up to date")
		return
	case errors.Is(err, room.ErrCorrupt):
		r.add(checkCatalog, store.Broken, reason(err), "restore it from a backup")
		return
	case err != nil:
		if ctx.Err() == nil {
			r.add(checkCatalog, store.Broken, err.Error(), "see what the error says")
		}
		return
	}
	if !checked { // an embedded catalog, which is examined when it is opened
		r.add(checkCatalog, store.Fine, "its file is whole", "")
	}
	if !r.o.Quick {
		r.stored(ctx, s.Store)
	}
	if err := s.Close(); err != nil {
		r.add(checkCatalog, store.Doubtful, fmt.Sprintf("closing it failed: %v", err), "see what the error says")
	}
	if r.o.Fix && ctx.Err() == nil {
		r.fix(ctx)
	}
}

// stored looks at what is stored.
func (r *run) stored(ctx context.Context, s *store.Store) {
	if len(r.o.Rooms) > 0 {
		r.some(ctx, s)
		return
	}
	if r.every(ctx, s) {
		r.objects(ctx, s)
	}
}
