package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
)

// testReferences plays a random history of everything that makes, moves or drops a reference to an object. At no time
// may an object be gone that something points to, and in the end there must be no other. What every version held when
// it was made is what it holds.
func testReferences(t *testing.T, w *world) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	w.o.KeepVersions, w.o.KeepFor, w.o.KeepEvery, w.o.EraseAfter = 3, time.Hour, 5*time.Minute, 20*time.Minute
	w.reopen()
	ctx := context.Background()
	type open struct {
		*opened
		h *store.Handle
	}
	rooms := make([]*open, 3)
	newest := make([]string, len(rooms)) // what the newest snapshot holds, "" if there is none
	kept := make([]map[uint64]string, len(rooms))
	reset := func(i int) { newest[i], kept[i] = "", make(map[uint64]string) }
	for i := range rooms {
		reset(i)
	}
	close := func(i int) {
		if rooms[i] != nil {
			rooms[i].Sync()
			rooms[i].release()
			rooms[i] = nil
		}
	}
	for step := range 300 {
		i := rnd.IntN(len(rooms))
		id := name(i)
		if rooms[i] == nil {
			if err := w.s.Undelete(ctx, id); err != nil { // erased, or never there
				reset(i)
			}
			r, h := w.claim(id)
			rooms[i] = &open{r, h}
		}
		r := rooms[i]
		list := w.versions(id)
		switch n := rnd.IntN(20); {
		case n < 7:
			r.Write("x")
			r.Sync()
			newest[i] = fmt.Sprint("step ", step)
			r.save(r.next-1, newest[i])
			for _, v := range w.versions(id) { // it may have become an automatic one
				if _, ok := kept[i][v.Number]; !ok {
					kept[i][v.Number] = newest[i]
				}
			}
		case n < 11:
			v, err := w.s.Keep(ctx, id, []string{store.VersionManual, store.VersionAutomatic}[rnd.IntN(2)], "")
			if newest[i] != "" {
				must(t, err)
				kept[i][v.Number] = newest[i]
			}
		case n < 13 && len(list) > 0:
			must(t, w.s.Drop(ctx, id, list[rnd.IntN(len(list))].Number))
		case n < 14 && len(list) > 0:
			must(t, w.s.Label(ctx, id, list[rnd.IntN(len(list))].Number, "kept"))
		case n < 15:
			newest[i] = fmt.Sprint("replaced at step ", step)
			must(t, r.h.Replace(ctx, []byte(newest[i])))
		case n < 16:
			close(i)
			newest[i] = fmt.Sprint("repaired at step ", step)
			must(t, w.s.Repair(ctx, id, []byte(newest[i])))
		case n < 17:
			close(i)
			must(t, w.s.Delete(ctx, id))
			if rnd.IntN(3) == 0 {
				must(t, w.s.Erase(ctx, id))
				reset(i)
			}
		case n < 18:
			for i := range rooms {
				close(i)
			}
			w.reopen()
		default:
			w.clock.advance(time.Duration(rnd.IntN(10)) * time.Minute)
			must(t, w.s.Tidy(ctx))
		}
		if step%20 == 0 {
			w.exactly()
		}
	}
	w.exactly()
	for i := range rooms {
		for _, v := range w.versions(name(i)) {
			if v.Number > 0 {
				w.wantVersion(name(i), v.Number, kept[i][v.Number])
			}
		}
	}
}
