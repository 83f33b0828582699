package matrix

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/embedded"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/postgres"
	"github.com/symphony-rtc/symphony/internal/store/snapdir"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

// TestStoreClock gives a store a clock that jumps by up to two days before everything that is done, with retention that is
// nearly as long: nothing that is durable, and no version that somebody made, is missing ever.
func TestStoreClock(t *testing.T) {
	var wrong atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(wrong.Load()) * time.Second) }
	options := store.Options{KeepEvery: time.Hour, KeepFor: 24 * time.Hour, EraseAfter: 7 * 24 * time.Hour, Now: now}
	for name, open := range map[string]func(t *testing.T) *store.Store{
		"embedded": func(t *testing.T) *store.Store {
			s, err := embedded.Open(t.TempDir(), embedded.Options{Store: options})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s.Store
		},
		"postgres": func(t *testing.T) *store.Store {
			p := sharedPostgres(t)
			place, err := snapdir.OpenShared(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			catalog, err := postgres.Open(context.Background(), p.URL(p.NewDatabase(t)), postgres.Options{Journal: journal.Options{Now: now}})
			if err != nil {
				t.Fatal(err)
			}
			s := store.New(catalog, place, options)
			t.Cleanup(func() { s.Close() })
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			seed := number(t, "SYMPHONY_MATRIX_SEED", int(time.Now().UnixNano()&0xffffff))
			t.Logf("SYMPHONY_MATRIX_SEED=%d", seed)
			jumpingStore(t, open(t), rand.New(rand.NewPCG(uint64(seed), 0)), &wrong)
		})
	}
}

func jumpingStore(t *testing.T, s *store.Store, r *rand.Rand, wrong *atomic.Int64) {
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	written, epochs, kept := map[string]uint64{}, map[string]uint64{}, map[string][]uint64{}
	for range 120 {
		wrong.Store(int64(jump(r)))
		id := fmt.Sprint("room ", r.IntN(3))
		h := storetest.OpenRoom(t, s, id)
		stored := h.Stored()
		if stored.LastSeq != written[id] || stored.Epoch <= epochs[id] {
			t.Fatalf("%s has %d updates and epoch %d after %d updates and epoch %d", id, stored.LastSeq, stored.Epoch, written[id], epochs[id])
		}
		through := written[id] - uint64(len(stored.Journal))
		if want := fmt.Sprint(id, " through ", through); through > 0 && string(stored.Snapshot) != want {
			t.Fatalf("%s: the snapshot is %q instead of %q", id, stored.Snapshot, want)
		}
		for i, update := range stored.Journal {
			if want := fmt.Sprint(id, " update ", through+uint64(i)+1); string(update) != want {
				t.Fatalf("%s: update %q instead of %q", id, update, want)
			}
		}
		epochs[id] = stored.Epoch
		for range 1 + r.IntN(4) {
			written[id]++
			h.Write(fmt.Sprint(id, " update ", written[id]))
		}
		h.Sync()
		wrong.Store(int64(jump(r)))
		if r.IntN(2) == 0 {
			must(h.Save(ctx, written[id], fmt.Appendf(nil, "%s through %d", id, written[id])))
			v, err := s.Keep(ctx, id, store.VersionManual, "")
			must(err)
			kept[id] = append(kept[id], v.Number)
		}
		must(h.Release(ctx))
		switch r.IntN(4) {
		case 0:
			must(s.Tidy(ctx))
		case 1: // deleted for less time than deleted rooms are kept
			must(s.Delete(ctx, id))
			wrong.Store(int64(jump(r)))
			must(s.Tidy(ctx))
			must(s.Undelete(ctx, id))
			epochs[id]++
		}
	}
	for id, numbers := range kept {
		for _, n := range numbers {
			_, _, err := s.ReadVersion(ctx, id, n)
			must(err)
		}
	}
}
