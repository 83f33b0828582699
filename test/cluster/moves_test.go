//go:build linux

package cluster

import (
	"context"
	"os/exec"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
)

// moveRooms has an operator move rooms from host to host while people type in them.
var moveRooms = fault{
	what: "`symphony rooms move` of every room, back and forth",
	begin: func(w *world) (func(), []*room) {
		for range 2 + w.r.IntN(3) {
			for _, i := range w.r.Perm(len(w.rooms)) {
				if rm := w.rooms[i]; !rm.away {
					w.moveRoom(rm)
				}
			}
			time.Sleep(w.upTo(500 * time.Millisecond))
		}
		return func() {}, nil
	},
}

func (w *world) moveRoom(rm *room) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	from := w.hostOf(rm)
	said, err := exec.CommandContext(ctx, harness.Binary(w.t), "rooms", "move", rm.id, "--server", "http://"+pick(w, w.proxies).Addr,
		"--token", token).CombinedOutput()
	if err != nil {
		w.t.Errorf("symphony rooms move %q (seed %d): %v\n%s", rm.id, w.seed, err, said)
	}
	began := time.Now()
	for to := w.hostOf(rm); to == nil || to == from; to = w.hostOf(rm) {
		if time.Since(began) > patience {
			w.t.Fatalf("room %q was moved and is nowhere else (seed %d)\n%s", rm.id, w.seed, w.describe(rm))
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.result.Moves++
}
