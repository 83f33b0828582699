package placement

import (
	"math/rand/v2"
	"slices"
)

// simpleKind is how a simple strategy chooses.
type simpleKind uint8

const (
	drawOne simpleKind = iota
	drawTwo
	least
)

// simple is the ways to choose that Symphony's is compared with. They know which hosts are full, overloaded or draining as
// well as it does, and nothing of zones and failures.
type simple struct {
	kind     simpleKind
	counts   bool // own picks count until the next word
	capacity int32
	random   *rand.Rand
	hosts    []known
	shelves  [][]int32 // hosts that can be picked; for least by load, else all on the first
}

// known is what a proxy knows of a host.
type known struct {
	who   *identity
	word  word
	picks int32
	shelf int32 // -1 if it cannot be picked
	at    int32
}

// fine is the number of shelves between no load and all.
const fine = 128

func newSimple(c Config, kind simpleKind, counts bool, source rand.Source) *simple {
	s := &simple{kind: kind, counts: counts, capacity: int32(c.Capacity), random: rand.New(source),
		hosts: make([]known, c.Hosts), shelves: make([][]int32, fine+1)}
	for i := range s.hosts {
		s.hosts[i].shelf = -1
	}
	return s
}

func (s *simple) load(k *known) float64 {
	return max(float64(k.word.rooms+k.picks)/float64(s.capacity), float64(k.word.load)+float64(k.picks)/float64(s.capacity))
}

func (s *simple) hear(w word) {
	k := &s.hosts[w.who.index]
	if w.gone && k.who != w.who {
		return // it has started anew since
	}
	k.who, k.word, k.picks = w.who, w, 0
	s.put(w.who.index)
}

// put brings a host to the shelf where it belongs.
func (s *simple) put(index int32) {
	k := &s.hosts[index]
	shelf := int32(0)
	if k.word.gone || k.word.draining || k.word.rooms+k.picks >= s.capacity || float64(k.word.load) > overload {
		shelf = -1
	} else if s.kind == least {
		shelf = int32(min(s.load(k), 1) * fine)
	}
	if shelf == k.shelf {
		return
	}
	if k.shelf >= 0 {
		list := s.shelves[k.shelf]
		last := list[len(list)-1]
		list[k.at] = last
		s.hosts[last].at = k.at
		s.shelves[k.shelf] = list[:len(list)-1]
	}
	if k.shelf = shelf; shelf >= 0 {
		k.at = int32(len(s.shelves[shelf]))
		s.shelves[shelf] = append(s.shelves[shelf], index)
	}
}

func (s *simple) pick(avoid []*identity) *identity {
	best := s.choose(avoid)
	if best < 0 {
		return nil
	}
	if s.counts {
		s.hosts[best].picks++
		s.put(best)
	}
	return s.hosts[best].who
}

func (s *simple) choose(avoid []*identity) int32 {
	for _, shelf := range s.shelves {
		if len(shelf) == 0 {
			continue
		}
		for range 4 * (len(avoid) + 1) { // enough not to meet avoided hosts alone
			best := shelf[s.random.IntN(len(shelf))]
			if s.kind == drawTwo {
				if other := shelf[s.random.IntN(len(shelf))]; s.load(&s.hosts[other]) < s.load(&s.hosts[best]) {
					best = other
				}
			}
			if !slices.Contains(avoid, s.hosts[best].who) {
				return best
			}
		}
	}
	return -1
}

func (s *simple) failed(*identity) {}
