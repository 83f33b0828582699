package pool

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var begin = time.Unix(1_700_000_000, 0)

// stepper lets a Sizer live second by second.
type stepper struct {
	*Sizer
	now time.Time
}

func (z *stepper) step(t *testing.T, s Seen, ask bool, free int) {
	t.Helper()
	z.now = z.now.Add(time.Second)
	before, there := z.want, s.Free
	want, asked := z.Step(z.now, s)
	// Hosts may be ended only when less is wanted than before, or than there are.
	if fewer := asked && want.Free <= before && want.Free < there; want.Fewer != fewer {
		t.Fatalf("after %v: fewer=%t for %+v, of %d wanted before", z.now.Sub(begin), want.Fewer, want, before)
	}
	if asked != ask || want.Free != free {
		t.Fatalf("after %v: asks %v for %+v, want %v for %d free", z.now.Sub(begin), asked, want, ask, free)
	}
}

func TestMoreAtOnceFewerLater(t *testing.T) {
	z := &stepper{NewSizer(Bounds{MinFree: 2, Cooldown: 30 * time.Second}), begin}
	z.step(t, Seen{Hosts: 2, Free: 2}, false, 2)
	z.step(t, Seen{Hosts: 2, Free: 2, Burst: 8}, true, 8)
	z.step(t, Seen{Hosts: 2, Free: 2, Burst: 8}, false, 8)
	z.step(t, Seen{Hosts: 10, Free: 8, Burst: 9}, true, 9)
	for range 30 {
		z.step(t, Seen{Hosts: 11, Free: 9, Burst: 4}, false, 9)
	}
	z.step(t, Seen{Hosts: 11, Free: 9, Burst: 3}, true, 4) // the most of the last 30 s
	z.step(t, Seen{Hosts: 6, Free: 4, Waiting: 1}, false, 4)
	z.step(t, Seen{Hosts: 6, Waiting: 5}, true, 7)
}

func TestAProxyThatStartsEndsNoHosts(t *testing.T) {
	z := &stepper{NewSizer(Bounds{MinFree: 2, Cooldown: time.Minute}), begin}
	for range 60 {
		z.step(t, Seen{Hosts: 30, Free: 30}, false, 30)
	}
	z.step(t, Seen{Hosts: 30, Free: 30}, true, 2)
}

// What another proxy sees a little otherwise is no reason to ask, unless somebody waits.
func TestATenthMoreIsNotAskedFor(t *testing.T) {
	z := &stepper{NewSizer(Bounds{MinFree: 40}), begin}
	z.step(t, Seen{Hosts: 40, Free: 40}, false, 40)
	z.step(t, Seen{Hosts: 40, Free: 40, Burst: 44}, false, 40)
	z.step(t, Seen{Hosts: 40, Free: 40, Burst: 44, Waiting: 1}, true, 45)
	z.step(t, Seen{Hosts: 45, Free: 45, Burst: 56}, true, 56)
}

// When etcd stood still for longer than a lease, all hosts are gone for a moment, and all rooms wait.
func TestHostsThatVanishAtOnceMayComeBack(t *testing.T) {
	z := &stepper{NewSizer(Bounds{MinFree: 2}), begin}
	z.step(t, Seen{Hosts: 102, Free: 2}, false, 2)
	z.step(t, Seen{Hosts: 0, Waiting: 100}, false, 2)
	z.step(t, Seen{Hosts: 30, Waiting: 70}, false, 2)
	z.step(t, Seen{Hosts: 102, Free: 2}, false, 2)
	z.step(t, Seen{Hosts: 102, Waiting: 3}, true, 5)
	// Now they are really gone.
	for range 5 {
		z.step(t, Seen{Hosts: 0, Waiting: 100}, false, 5)
	}
	z.step(t, Seen{Hosts: 0, Waiting: 100}, true, 102)
	// A few are no reason to wait.
	z = &stepper{NewSizer(Bounds{MinFree: 2}), begin}
	z.step(t, Seen{Hosts: 9, Free: 2}, false, 2)
	z.step(t, Seen{Hosts: 0, Waiting: 7}, true, 9)
}

func TestHostsThatDoNotComeAreAskedForAgain(t *testing.T) {
	z := &stepper{NewSizer(Bounds{MinFree: 5}), begin}
	z.step(t, Seen{}, true, 5)
	for range 9 {
		z.step(t, Seen{}, false, 5)
	}
	z.step(t, Seen{}, true, 5)
	z.step(t, Seen{Hosts: 5, Free: 5}, false, 5)
}

// A proxy wanted more and died before it could take it back.
func TestWhatIsLeftOverIsEnded(t *testing.T) {
	z := &stepper{NewSizer(Bounds{MinFree: 2, Cooldown: time.Minute}), begin}
	z.step(t, Seen{Hosts: 2, Free: 2}, false, 2)
	asked := []int{}
	for second := range 1200 {
		z.now = z.now.Add(time.Second)
		if want, ask := z.Step(z.now, Seen{Hosts: 20, Free: 20}); ask {
			asked = append(asked, second/60)
			if want.Free != 2 {
				t.Fatalf("asked for %+v", want)
			}
		}
	}
	if len(asked) != 3 || asked[0] < 2 || asked[0] > 3 || asked[2]-asked[1] < 7 {
		t.Fatalf("asked in the minutes %v: want ever larger pauses", asked)
	}
}

func TestCapacityAboveOneFollowsRoomsAndLoad(t *testing.T) {
	z := NewSizer(Bounds{Capacity: 100, MinFree: 1, Cooldown: time.Minute})
	now := begin
	step := func(s Seen) (int, bool) {
		now = now.Add(time.Second)
		want, ask := z.Step(now, s)
		return want.Total, ask
	}
	if n, ask := step(Seen{Hosts: 11, Rooms: 600}); ask || n != 11 {
		t.Fatalf("enough: %d, %v", n, ask)
	}
	if n, ask := step(Seen{Hosts: 11, Rooms: 700}); !ask || n != 13 {
		t.Fatalf("more rooms: %d, %v", n, ask)
	}
	if n, ask := step(Seen{Hosts: 14, Draining: 1, Rooms: 700, Load: 9}); !ask || n != 16 {
		t.Fatalf("more load: %d, %v", n, ask)
	}
	for range 60 {
		if n, ask := step(Seen{Hosts: 16, Rooms: 660}); ask || n != 16 {
			t.Fatalf("at once: %d, %v", n, ask)
		}
	}
	if n, ask := step(Seen{Hosts: 16, Rooms: 660}); !ask || n != 12 {
		t.Fatalf("after the cool-down: %d, %v", n, ask)
	}
	for range 200 { // a tenth less is no reason
		if n, ask := step(Seen{Hosts: 12, Rooms: 600}); ask || n != 12 {
			t.Fatalf("a little less: %d, %v", n, ask)
		}
	}
}

// Proxies with views that differ a little run one pool: claims come in waves, hosts take 4 s to start, one proxy comes late and
// dies. They must not make the pool go up and down, rooms must hardly ever wait, and in the end nothing may be left over.
func TestProxiesDoNotFight(t *testing.T) {
	for seed := range uint64(5) {
		alone, four, naive := runPool(seed, 1, false), runPool(seed, 4, false), runPool(seed, 4, true)
		t.Logf("seed %d: alone %+v, four %+v, without hysteresis %+v", seed, alone, four, naive)
		if four.opened < 5000 || float64(four.waited) > 0.03*float64(four.opened) {
			t.Errorf("seed %d: of %d rooms %d had to wait for a second", seed, four.opened, four.waited)
		}
		if four.ended > 2*alone.ended || four.ended > naive.ended {
			t.Errorf("seed %d: %d hosts were ended unused, %d with one proxy alone", seed, four.ended, alone.ended)
		}
		if four.calls > 300 || four.calls > naive.calls/4 {
			t.Errorf("seed %d: %d calls in 40 minutes", seed, four.calls)
		}
		if four.left != 3 {
			t.Errorf("seed %d: %d hosts are free in the end", seed, four.left)
		}
	}
}

// outcome is how a pool did.
type outcome struct {
	opened, waited int // rooms, and seconds that they waited
	ended          int // hosts that were ended unused
	calls          int // of the orchestrator
	left           int // free hosts in the end, a quarter of an hour after the last claim
}

// runPool runs a pool for 40 minutes of which 25 have claims. Naive proxies ask for what is needed whenever it changes.
func runPool(seed uint64, proxies int, naive bool) (o outcome) {
	const ready, life = 4, 90
	random := rand.New(rand.NewPCG(seed, 0))
	bounds := Bounds{MinFree: 3, MaxFree: 200, MaxTotal: 2000, Ready: ready * time.Second, Cooldown: time.Minute}
	type proxy struct {
		sizer *Sizer
		meter Meter
		late  int // its view, in seconds
		ready time.Duration
		asked int
	}
	list := make([]*proxy, proxies)
	for i := range list {
		list[i] = &proxy{sizer: NewSizer(bounds), late: i % 2, ready: time.Duration(ready*1000+random.IntN(600)) * time.Millisecond}
	}
	var (
		free, busy, waiting, came, target int
		starting                          [5000]int // by the second when they are ready
		ending                            [5000]int
		claims                            uint64
		history                           []Seen
		counts                            []uint64
	)
	for second := range 2400 {
		rate := 0.0
		if second < 1500 {
			rate = 6 * (1 + math.Sin(float64(second)/120))
		}
		if second == 700 {
			rate = 40 // a meeting begins
		}
		for range 100 {
			if random.Float64() < rate/100 {
				waiting++
				o.opened++
			}
		}
		busy -= ending[second]
		free += starting[second]
		came += starting[second]
		for ; waiting > 0 && free > 0; waiting-- {
			free, busy, claims = free-1, busy+1, claims+1
			ending[second+1+random.IntN(2*life)]++
		}
		if second > 60 { // the pool was empty before
			o.waited += waiting
		}
		history = append(history, Seen{Hosts: free + busy, Free: free, Rooms: busy, Waiting: waiting, Came: came})
		counts = append(counts, claims)
		for i, p := range list {
			if i == 3 && (second < 300 || second > 900) { // comes late, dies early
				continue
			}
			at := max(0, second-p.late)
			seen := history[at]
			now := begin.Add(time.Duration(second)*time.Second + time.Duration(i)*150*time.Millisecond)
			p.meter.Count(now, counts[at], p.ready)
			seen.Rate, seen.Burst, seen.Ready = p.meter.Rate(), p.meter.Burst(), p.ready
			seen.Waiting = (seen.Waiting + i) / proxies // a proxy knows of its own connections only
			want, ask := p.sizer.Step(now, seen)
			if naive {
				want = bounds.Size(seen)
				ask = want.Free != p.asked
			}
			if ask {
				o.calls++
				p.asked = want.Free
				if want.Fewer || naive || want.Free > target {
					target = want.Free
				}
				// The orchestrator makes it so: what is too much goes, what is still starting first.
				coming := 0
				for _, n := range starting[second+1 : second+ready+1] {
					coming += n
				}
				for s := second + ready; s > second && coming+free > target; s-- {
					less := min(starting[s], coming+free-target)
					starting[s] -= less
					coming -= less
					o.ended += less
				}
				less := min(max(free-target, 0), free)
				free -= less
				o.ended += less
			}
		}
		coming := 0
		for _, n := range starting[second+1 : second+ready+1] {
			coming += n
		}
		starting[second+ready] += max(target-free-coming, 0) // and refills what is claimed
	}
	o.left = free
	return o
}
