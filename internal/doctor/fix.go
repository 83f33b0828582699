package doctor

import (
	"context"
	"fmt"

	"github.com/symphony-rtc/symphony/internal/store"
)

// fix does what Options.Fix says, if there is anything to do.
func (r *run) fix(ctx context.Context) {
	if len(r.lift) == 0 && !r.orphans {
		return
	}
	s, err := r.storage.Change(ctx)
	if err != nil {
		r.add("fix", store.Broken, err.Error(), "see what the error says")
		return
	}
	for _, l := range r.lift {
		f := store.Finding{Check: checkRoom, Room: l.id, Text: "was in quarantine and is not any more, because nothing is wrong with it. It was: " + l.reason}
		if err := s.Recheck(ctx, l.id); err != nil {
			f.State, f.Text, f.Do = store.Broken, fmt.Sprintf("the quarantine could not be lifted: %v", err), "see what the error says"
		}
		r.report(f)
	}
	if r.orphans {
		r.removeOrphans(ctx, s.Store)
	}
	if err := s.Close(); err != nil {
		r.add(checkCatalog, store.Doubtful, fmt.Sprintf("closing it failed: %v", err), "see what the error says")
	}
}

func (r *run) removeOrphans(ctx context.Context, s *store.Store) {
	_, _, _, err := strays(ctx, s, func(key string) error { return s.Objects().Delete(ctx, key) })
	if err != nil {
		r.add(checkOrphans, store.Broken, fmt.Sprintf("they could not be removed: %v", err), "see what the error says")
		return
	}
	r.add(checkOrphans, store.Fine, fmt.Sprintf("removed %s that nothing referred to", count(r.sum.Orphans, "object")), "")
}
