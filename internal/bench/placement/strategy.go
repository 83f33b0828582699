package placement

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	live "github.com/symphony-rtc/symphony/internal/cluster/placement"
)

// identity is one start of a host. The next start of the same host has another.
type identity struct {
	index             int32
	id, address, zone string
}

// word is what the registry tells of a host.
type word struct {
	who            *identity
	rooms          int32
	load           float32
	draining, gone bool
}

// strategy is a proxy's way to choose a host, from the words that it has heard.
type strategy interface {
	hear(word)
	pick(avoid []*identity) *identity // nil if no host can be picked
	failed(*identity)
}

// Strategy is a way to choose that the simulator knows.
type Strategy struct {
	Name  string `json:"name"`
	About string `json:"about"`
	make  func(c Config, now func() time.Time, source rand.Source) strategy
}

// overload is the load above which no strategy picks a host.
const overload = 0.9

// Strategies are all ways to choose, Symphony's last.
func Strategies() []Strategy {
	simple := func(kind simpleKind, counts bool) func(Config, func() time.Time, rand.Source) strategy {
		return func(c Config, _ func() time.Time, source rand.Source) strategy {
			return newSimple(c, kind, counts, source)
		}
	}
	symphonys := func(memory time.Duration) func(Config, func() time.Time, rand.Source) strategy {
		return func(c Config, now func() time.Time, source rand.Source) strategy {
			return newSymphony(c, live.Options{Now: now, Source: source, Overload: overload, Memory: memory})
		}
	}
	return []Strategy{
		{"random", "any host that is not full", simple(drawOne, false)},
		{"two choices", "the less loaded of two drawn hosts", simple(drawTwo, false)},
		{"least loaded", "the least loaded host of all", simple(least, false)},
		{"least + counts", "the same, and what the proxy picked itself counts until the host's next word", simple(least, true)},
		{"no memory", "symphony's, but it forgets what it picked and what failed within a quarter of the staleness", symphonys(time.Nanosecond)},
		{"symphony", "a zone by what is free, the least loaded of 3 hosts drawn by what is free, own picks and failures count", symphonys(0)},
	}
}

// symphony is the placement code itself.
type symphony struct {
	table    *live.Table
	capacity int
	now      []*identity // by index: who was heard of last
}

func newSymphony(c Config, o live.Options) *symphony {
	return &symphony{table: live.New(o), capacity: c.Capacity, now: make([]*identity, c.Hosts)}
}

func (s *symphony) hear(w word) {
	if w.gone {
		s.table.Remove(w.who.id)
		return
	}
	s.now[w.who.index] = w.who
	s.table.Set(cluster.Host{ID: w.who.id, Address: w.who.address, Zone: w.who.zone,
		Capacity: s.capacity, Rooms: int(w.rooms), Load: float64(w.load), Draining: w.draining})
}

func (s *symphony) pick(avoid []*identity) *identity {
	var refuse func(string) bool
	if len(avoid) > 0 {
		refuse = func(id string) bool {
			for _, who := range avoid {
				if who.id == id {
					return true
				}
			}
			return false
		}
	}
	h, err := s.table.Pick("", refuse)
	if err != nil {
		return nil
	}
	index, _ := strconv.Atoi(h.Address) // the simulator's addresses are indexes
	if who := s.now[index]; who.id == h.ID {
		return who
	}
	return &identity{index: int32(index), id: h.ID} // an earlier start that the table has not heard the end of
}

func (s *symphony) failed(who *identity) { s.table.Failed(who.id) }
