package crdt

import "slices"

// seenItems is the two sets of YATA: the items passed since the origin, and those of them that conflict with the item
// being placed, which are the ones passed since the last reset.
type seenItems struct {
	order    []int32
	conflict int // where in order the conflicting ones begin

	// Beyond a few items places in order are looked up here. An entry counts if order agrees.
	places map[int32]int32
}

// fewSeen is up to how many items places are looked up one by one; manySeen from how many on the map is not kept.
const (
	fewSeen  = 32
	manySeen = 1024
)

func (s *seenItems) begin() {
	s.order = s.order[:0]
	s.conflict = 0
	switch n := len(s.places); {
	case n > manySeen:
		s.places = nil
	case n > 0:
		clear(s.places)
	}
}

func (s *seenItems) add(i int32) {
	s.order = append(s.order, i)
	n := len(s.order)
	if n < fewSeen {
		return
	}
	if s.places == nil {
		s.places = make(map[int32]int32)
	}
	if n == fewSeen {
		for k, o := range s.order {
			s.places[o] = int32(k)
		}
		return
	}
	s.places[i] = int32(n - 1)
}

func (s *seenItems) clearConflicting() { s.conflict = len(s.order) }

func (s *seenItems) place(i int32) int {
	if len(s.order) < fewSeen {
		return slices.Index(s.order, i)
	}
	if k, ok := s.places[i]; ok {
		return int(k)
	}
	return -1
}

func (s *seenItems) beforeOrigin(i int32) bool { return s.place(i) >= 0 }
func (s *seenItems) conflicting(i int32) bool  { return s.place(i) >= s.conflict }
