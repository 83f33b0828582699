//go:build linux

package cluster

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	racers      = 100
	raceRounds  = 100 // per round of a scenario, in the long form
	raceWriters = 6
)

// races has many clients open the same new room at the same time, through all proxies, again and again. They end in one room: each sees what
// some of the others write, and the room was opened once.
func races(w *world, rounds int) {
	n := rounds * raceRounds
	w.result.Injections = n
	for round := range n {
		room := fmt.Sprintf("race %d/%d", w.seed, round)
		began := time.Now()
		if err := w.race(room); err != nil {
			w.t.Fatalf("room %q (seed %d): %v", room, w.seed, err)
		}
		w.result.Waits = append(w.result.Waits, time.Since(began))
	}
	opened, again, err := w.sql.OpenedMoreOften(w.database, "race ", 1)
	w.must(err)
	if opened != n || again != 0 {
		w.t.Errorf("%d of %d rooms were opened more than once, and there were %d races (seed %d)", again, opened, n, w.seed)
	}
	w.oneWriter()
	w.result.Checks += n
	w.result.note("%d clients each; every room was opened once; the time is that until all %d saw what %d wrote", racers, racers, raceWriters)
}

func (w *world) race(room string) error {
	texts := make([]string, raceWriters)
	for i := range texts {
		texts[i] = fmt.Sprintf("[%d-%08x]", i, rand.Uint32())
	}
	start := make(chan bool)
	failed := make(chan error, racers)
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			<-start
			if err := w.racer(i, room, texts); err != nil {
				failed <- fmt.Errorf("client %d: %w", i, err)
			}
		})
	}
	close(start)
	wg.Wait()
	close(failed)
	return <-failed // nil if none
}

func (w *world) racer(i int, room string, texts []string) error {
	x, err := race(w.proxies[i%len(w.proxies)].Addr, room)
	if err != nil {
		return err
	}
	defer x.conn.Close()
	others := texts
	if i < len(texts) {
		if err := x.insert(uint64(1000+i), texts[i]); err != nil {
			return err
		}
		others = append(append([]string{}, texts[:i]...), texts[i+1:]...)
	} else {
		others = append([]string{}, texts...)
	}
	return x.find(others...)
}
