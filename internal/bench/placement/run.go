package placement

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	live "github.com/symphony-rtc/symphony/internal/cluster/placement"
)

// Progress is how far a run is.
type Progress struct {
	Share   float64 // of the work, from 0 to 1
	Elapsed time.Duration
	Doing   string
}

// Run plays the cluster with all strategies, as many at a time as there are processors but at most two, and measures what
// the placement code costs. show is called about five times a second by one goroutine and may be nil.
func Run(ctx context.Context, c Config, show func(Progress)) (*Result, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	began := time.Now()
	strategies := Strategies()
	result := &Result{Config: c, Strategies: make([]Outcome, len(strategies))}
	done := make([]atomic.Uint64, len(strategies)) // thousandths
	var group sync.WaitGroup
	next := make(chan int, len(strategies))
	for i := range strategies {
		next <- len(strategies) - 1 - i // Symphony's takes longest: it begins
	}
	close(next)
	for range min(2, runtime.GOMAXPROCS(0)) {
		group.Go(func() {
			for i := range next {
				if ctx.Err() != nil {
					return
				}
				result.Strategies[i] = play(ctx, c, strategies[i], func(share float64) { done[i].Store(uint64(share * 1000)) })
			}
		})
	}
	finished := make(chan struct{})
	go func() { group.Wait(); close(finished) }()
	follow(finished, show, began, strategies, done)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	result.Cost = measure(c)
	result.Seconds = time.Since(began).Seconds()
	return result, nil
}

// follow shows the progress until the strategies have finished.
func follow(finished <-chan struct{}, show func(Progress), began time.Time, strategies []Strategy, done []atomic.Uint64) {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-finished:
			return
		case <-ticker.C:
		}
		if show == nil {
			continue
		}
		p := Progress{Elapsed: time.Since(began)}
		for i := range strategies {
			n := done[i].Load()
			p.Share += float64(n) / 1000 / float64(len(strategies))
			if n > 0 && n < 1000 {
				if p.Doing != "" {
					p.Doing += ", "
				}
				p.Doing += strategies[i].Name
			}
		}
		show(p)
	}
}

// play lets a strategy live through the script.
func play(ctx context.Context, c Config, s Strategy, progress func(float64)) Outcome {
	phases := script()
	var length time.Duration
	for _, p := range phases {
		length += p.length
	}
	w := newWorld(c, s, length+time.Second)
	outcome := Outcome{Strategy: s}
	for range len(w.words) + 1 { // until all proxies have heard of the hosts
		w.step()
	}
	for _, p := range phases {
		w.tally = Tally{}
		p.begin(w, p.length)
		for end := w.in(p.length); w.now < end; w.step() {
			progress(float64(w.now+1) / float64(w.end))
			if w.now%16 == 0 && ctx.Err() != nil {
				return outcome
			}
		}
		rooms, people := w.shares()
		zones := w.zones()
		slices.Sort(zones)
		outcome.Phases = append(outcome.Phases, Phase{p.name, w.tally, spread(rooms), spread(people), spread(zones)})
		outcome.Tally.add(w.tally)
	}
	progress(1)
	return outcome
}

// measure measures one table with hosts that are half full.
func measure(c Config) Cost {
	random := rand.New(rand.NewPCG(c.Seed, 1))
	words := make([]word, c.Hosts)
	w := newWorld(Config{Hosts: c.Hosts, Capacity: c.Capacity, Zones: c.Zones, Seed: c.Seed}, Strategy{}, time.Second)
	for i := range words {
		words[i] = word{who: w.hosts[i].identity, rooms: random.Int32N(int32(c.Capacity)), load: random.Float32() * overload}
	}
	before := heap()
	table := newSymphony(c, live.Options{Source: rand.NewPCG(c.Seed, 2)})
	for _, word := range words {
		table.hear(word)
	}
	cost := Cost{Table: heap() - before}

	began := time.Now()
	for range c.Hosts {
		word := words[random.IntN(len(words))]
		word.rooms = random.Int32N(int32(c.Capacity))
		table.hear(word)
	}
	cost.Word = time.Since(began) / time.Duration(c.Hosts)

	picks := 0
	began = time.Now()
	for ; picks < 100_000 && table.pick(nil) != nil; picks++ {
	}
	cost.Pick = time.Since(began) / time.Duration(max(picks, 1))
	runtime.KeepAlive(words)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	cost.Peak = int64(m.Sys)
	return cost
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
