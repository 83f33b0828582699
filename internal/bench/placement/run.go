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

// job is a life that is played.
type job struct {
	name   string
	config Config
	way    Strategy
	into   *Outcome
	done   atomic.Uint64 // thousandths
	weight float64       // its share of the work, about
}

// jobs are all lives to play, the longest first.
func jobs(r *Result) []*job {
	strategies := Strategies()
	r.Strategies = make([]Outcome, len(strategies))
	var list []*job
	for i := len(strategies) - 1; i >= 0; i-- {
		list = append(list, &job{name: strategies[i].Name, config: r.Compared, way: strategies[i], into: &r.Strategies[i],
			weight: float64(r.Compared.Rooms)})
	}
	if r.Compared.Hosts < r.Config.Hosts {
		full := &job{name: "the whole cluster", config: r.Config, way: strategies[len(strategies)-1], into: &r.Full,
			weight: float64(r.Config.Rooms)}
		list = append([]*job{full}, list...)
	}
	return list
}

// Run plays the cluster with Symphony's way to choose, compares all ways, two at a time if there are processors for it, and
// measures what the placement code costs. show is called about five times a second by one goroutine and may be nil.
func Run(ctx context.Context, c Config, show func(Progress)) (*Result, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	began := time.Now()
	result := &Result{Config: c, Compared: c.compared()}
	list := jobs(result)
	next := make(chan *job, len(list))
	for _, j := range list {
		next <- j
	}
	close(next)
	var group sync.WaitGroup
	for range min(2, runtime.GOMAXPROCS(0)) {
		group.Go(func() {
			for j := range next {
				if ctx.Err() != nil {
					return
				}
				*j.into = play(ctx, j.config, j.way, func(share float64) { j.done.Store(uint64(share * 1000)) })
			}
		})
	}
	finished := make(chan struct{})
	go func() { group.Wait(); close(finished) }()
	follow(finished, show, began, list)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if result.Full.Phases == nil {
		result.Full = result.Strategies[len(result.Strategies)-1]
	}
	result.Cost = measure(c)
	result.Seconds = time.Since(began).Seconds()
	return result, nil
}

// follow shows the progress until all is played.
func follow(finished <-chan struct{}, show func(Progress), began time.Time, list []*job) {
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
		var done, all float64
		for _, j := range list {
			n := j.done.Load()
			done += j.weight * float64(n) / 1000
			all += j.weight
			if n > 0 && n < 1000 {
				if p.Doing != "" {
					p.Doing += ", "
				}
				p.Doing += j.name
			}
		}
		p.Share = done / all
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
