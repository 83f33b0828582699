package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/objects"
)

// farOff is the difference of clocks from which a finding says so.
const farOff = 5 * time.Second

// place tries out the place of snapshots and reports whether it can be read.
func (r *run) place(ctx context.Context) bool {
	place, err := r.storage.Place(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		r.add(checkPlace, store.Fine, "the directory does not exist yet: the first server makes it", "")
		return true
	}
	if err != nil {
		r.add(checkPlace, store.Broken, err.Error(), "correct --storage-snapshots; docs/storage.md has its parameters")
		return false
	}
	defer place.Close()
	report := objects.Probe(ctx, place, r.o.Now)
	if ctx.Err() != nil {
		return false
	}
	var done []string
	bad := false
	for _, step := range report.Steps {
		switch {
		case step.Err == nil:
			done = append(done, fmt.Sprintf("%s %s", step.Name, step.Took.Round(100*time.Microsecond)))
		case errors.Is(step.Err, objects.ErrOverwrites):
			r.add(checkPlace, store.Doubtful, step.Err.Error(), "use a server that honours If-None-Match, if you can: a second line of defence is missing")
		default:
			bad = true
			r.add(checkPlace, store.Broken, fmt.Sprintf("%s: %v", step.Name, step.Err), "see that it exists and that the credentials allow to put, get, list and delete")
		}
	}
	if !bad {
		r.add(checkPlace, store.Fine, strings.Join(done, ", "), "")
	}
	if c := report.Clock; c != nil && c.Ahead.Abs() > farOff+c.Uncertain {
		r.add(checkClock, store.Doubtful, fmt.Sprintf("this machine's clock is %v %s", c.Ahead.Abs().Round(time.Second), side(c.Ahead)),
			"set both clocks by NTP: signed requests are refused and orphans are taken for older or newer than they are")
	} else if c != nil {
		r.add(checkClock, store.Fine, "agrees with this machine's", "")
	}
	return true
}

func side(ahead time.Duration) string {
	if ahead < 0 {
		return "behind it"
	}
	return "ahead of it"
}
