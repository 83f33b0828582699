package clustertest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

func (b *Backend) rounds() int {
	rounds := b.Rounds
	if rounds == 0 {
		rounds = 2000
	}
	if testing.Short() {
		rounds /= 20
	}
	return max(rounds, 1)
}

// testRaceForRooms has 100 racers claim a new room at the same moment, again and again, for 8 hosts through 4 registries.
func testRaceForRooms(t *testing.T, b *Backend) {
	const racers, hosts, registries = 100, 8, 4
	var members []*process
	for i := range hosts {
		p := &process{host: aHost(fmt.Sprint("host", i))}
		if i < registries {
			p.Registry = open(t, b)
		} else {
			p.Registry = members[i-registries].Registry
		}
		p.Membership = join(t, p.Registry, p.host)
		members = append(members, p)
	}
	f := follow(t, open(t, b))
	f.sync()
	wins := make(map[string]int)
	for round := range b.rounds() {
		room := fmt.Sprint("room ", round)
		var owners [racers]string
		gun := make(chan struct{})
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() {
				<-gun
				h, err := members[i%hosts].Claim(t.Context(), room)
				if err != nil {
					t.Error(err)
				}
				owners[i] = h.ID
			})
		}
		close(gun)
		wg.Wait()
		for i, got := range owners {
			if got != owners[0] {
				t.Fatalf("round %d: racer %d says that %q has the room, racer 0 that %q has it", round, i, got, owners[0])
			}
		}
		for _, p := range members[:registries] {
			checkOwner(t, p, room, owners[0])
		}
		wins[owners[0]]++
		f.expect("claimed " + room + " by " + owners[0])
		for _, p := range members { // all but one are told that it is none of theirs
			release(t, p, room, "")
		}
		f.expect("free " + room)
	}
	t.Logf("wins: %v", wins)
}

// testOneAtATime has hosts claim, release and hand over a few rooms in every order. Each thinks of itself as the owner from
// the end of its claim to the beginning of its release; no two may think so of a room at a time.
func testOneAtATime(t *testing.T, b *Backend) {
	const hosts, rooms = 10, 3
	enough := int32(max(b.rounds()/4, 50))
	var holder [rooms]atomic.Int32 // 1 + the index of the host that has the room, 0 if nobody has
	var members []*process
	for i := range hosts {
		members = append(members, start(t, b, fmt.Sprint(i)))
	}
	var wg sync.WaitGroup
	var claims, moves atomic.Int32
	for i, m := range members {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for claims.Load() < enough && !t.Failed() {
				k := random.IntN(rooms)
				room := fmt.Sprint("room ", k)
				h, err := m.Claim(t.Context(), room)
				if err != nil {
					t.Error(err)
					return
				}
				if h.ID != m.host.ID {
					continue
				}
				claims.Add(1)
				me := int32(i + 1)
				if !holder[k].CompareAndSwap(0, me) && holder[k].Load() != me { // it is ours already if it was handed to us
					t.Errorf("host %d has claimed %q, and host %d has it", i, room, holder[k].Load()-1)
					return
				}
				to, successor := "", int32(0)
				if random.IntN(2) == 0 {
					n := random.IntN(hosts)
					to, successor = members[n].host.ID, int32(n+1)
					moves.Add(1)
				}
				holder[k].Store(successor)
				if err := m.Release(t.Context(), room, to); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d claims won, %d rooms handed over", claims.Load(), moves.Load())
}

// testLinearizable looks through one registry at what was done through another the moment before.
func testLinearizable(t *testing.T, b *Backend) {
	one, two, r := start(t, b, "one"), start(t, b, "two"), open(t, b)
	for i := range max(b.rounds()/10, 20) {
		room := fmt.Sprint("room ", i)
		claim(t, one, room, "one")
		checkOwner(t, r, room, "one")
		release(t, one, room, "two")
		checkOwner(t, r, room, "two")
		if err := r.Forget(t.Context(), room, "two"); err != nil {
			t.Fatal(err)
		}
		checkOwner(t, one, room, "")
		claim(t, one, room, "one")
		release(t, one, room, "")
		checkOwner(t, r, room, "")
		Await(t, "the news of a room taken", two.Taken())
	}
}
