package placement

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"sync"
	"testing"
	"time"
)

// small is a cluster that is played in a second or two.
func small() Config {
	return Config{Hosts: 150, Rooms: 9_000, Capacity: 100, Zones: 3, Proxies: 4, Staleness: 100 * time.Millisecond, Seed: 1}
}

var played = sync.OnceValues(func() (*Result, error) { return Run(context.Background(), small(), nil) })

func outcomes(t *testing.T) map[string]Outcome {
	t.Helper()
	r, err := played()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]Outcome{}
	for _, o := range r.Strategies {
		all[o.Name] = o
		if len(o.Phases) != len(script()) {
			t.Fatalf("%s lived through %d phases", o.Name, len(o.Phases))
		}
		for _, p := range o.Phases {
			if p.Tally.Opens == 0 || p.Rooms.Mean <= 0 || p.Rooms.Max > 1 {
				t.Fatalf("%s, %s: %+v", o.Name, p.Name, p)
			}
		}
		if o.Tally.Opens < small().Rooms {
			t.Fatalf("%s opened %d rooms", o.Name, o.Tally.Opens)
		}
	}
	return all
}

// What docs/placement.md says of Symphony's way to choose, with room for the small size.
func TestSymphonySpreadsEvenly(t *testing.T) {
	o := outcomes(t)["symphony"]
	for _, p := range o.Phases[:3] { // opening all, ordinary life, hosts that die
		if p.Rooms.Max/p.Rooms.Mean > 1.3 || p.Rooms.P99/p.Rooms.Mean > 1.2 || p.Rooms.Variation > 0.15 {
			t.Errorf("%s: the rooms of hosts: %+v", p.Name, p.Rooms)
		}
		if p.Zones.Max-p.Zones.Min > 0.03 {
			t.Errorf("%s: the zones: %+v", p.Name, p.Zones)
		}
		if p.Tally.Full+p.Tally.Refused+p.Tally.Overloaded > p.Tally.Opens/1000 {
			t.Errorf("%s: %+v", p.Name, p.Tally)
		}
	}
	if n := o.Tally; n.Refused > n.Opens/1000 || n.Full > n.Opens/100 || n.Detours() > 0.05 {
		t.Errorf("over all: %+v", n)
	}
}

// The zone that died takes a third of the rooms with it. What is left must take them without asking dead hosts for long,
// and when it is back it must fill without being run over.
func TestSymphonyLivesThroughTheDeathOfAZone(t *testing.T) {
	phases := outcomes(t)["symphony"].Phases
	died, back := phases[3], phases[4]
	if died.Tally.Dead == 0 || died.Tally.Dead > died.Tally.Opens/4 {
		t.Errorf("dead hosts were asked %d times in %d opens", died.Tally.Dead, died.Tally.Opens)
	}
	if died.Zones.Min != 0 || math.Abs(died.Rooms.Mean*2/3*float64(small().Hosts)*float64(small().Capacity)-float64(small().Rooms)) > 0.01*float64(small().Rooms) {
		t.Errorf("the zones after: %+v, rooms of the hosts that are left %+v", died.Zones, died.Rooms)
	}
	if back.Zones.Min <= 0.1 || back.Tally.Herd > small().Capacity/2 {
		t.Errorf("back: zones %+v, %+v", back.Zones, back.Tally)
	}
}

func TestOtherWaysAreWorse(t *testing.T) {
	all := outcomes(t)
	ours := all["symphony"]
	for _, name := range []string{"random", "two choices", "least loaded", "least + counts", "no memory"} {
		if other := all[name]; other.Tally.Detours() < 1.5*ours.Tally.Detours() {
			t.Errorf("%s makes %.4f detours per open, Symphony's %.4f", name, other.Tally.Detours(), ours.Tally.Detours())
		}
	}
	if a, b := all["random"].Phases[1].Rooms, ours.Phases[1].Rooms; a.Max/a.Mean < b.Max/b.Mean+0.1 {
		t.Errorf("random: the rooms of hosts %+v, Symphony's %+v", a, b)
	}
}

func TestASeedPlaysTheSameLife(t *testing.T) {
	c := small()
	c.Hosts, c.Rooms = 20, 400
	text := func(seed uint64) []byte {
		c.Seed = seed
		r, err := Run(context.Background(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(r.Strategies)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := text(1)
	if !bytes.Equal(first, text(1)) {
		t.Error("the same seed played another life")
	}
	if bytes.Equal(first, text(2)) {
		t.Error("another seed played the same life")
	}
}

// One room per host, one zone, views without age, and a cluster that is nearly full.
func TestUnusualClusters(t *testing.T) {
	for name, c := range map[string]Config{
		"one room per host": {Hosts: 200, Rooms: 120, Capacity: 1, Zones: 3, Proxies: 3, Staleness: 50 * time.Millisecond},
		"one zone":          {Hosts: 50, Rooms: 500, Capacity: 20, Zones: 1, Proxies: 2},
		"nearly full":       {Hosts: 8, Rooms: 760, Capacity: 100, Zones: 2, Proxies: 2, Staleness: time.Second},
	} {
		r, err := Run(context.Background(), c, func(Progress) {})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		end := r.Strategies[len(r.Strategies)-1].Phases[1].Rooms
		if placed, want := end.Mean*float64(c.Hosts*c.Capacity), float64(c.Rooms); math.Abs(placed-want) > 0.02*want+1 {
			t.Errorf("%s: %.0f of %d rooms are on hosts", name, placed, c.Rooms)
		}
	}
}

func TestRunEndsWhenItIsTold(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, Defaults(), nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
}

func TestDistributions(t *testing.T) {
	for name, d := range map[string][3]float64{
		"people":    {crowds().mean(), 3.17, 0.1},
		"lifetimes": {lifetimes().mean(), 89, 3},
	} {
		if math.Abs(d[0]-d[1]) > d[2] {
			t.Errorf("the mean of %s is %.2f, want about %.2f", name, d[0], d[1])
		}
	}
	lives := lifetimes()
	if lives[0] < float32(shortest.Seconds()) || lives[len(lives)-1] > float32(longest.Seconds())*1.001 {
		t.Errorf("lifetimes from %v to %v s", lives[0], lives[len(lives)-1])
	}
}

func TestValidate(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"too many rooms": func(c *Config) { c.Rooms = c.Hosts*c.Capacity + 1 },
		"no hosts":       func(c *Config) { c.Hosts = 0 },
		"no proxy":       func(c *Config) { c.Proxies = 0 },
		"no zone":        func(c *Config) { c.Zones = 0 },
		"from tomorrow":  func(c *Config) { c.Staleness = -time.Second },
	} {
		c := Defaults()
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
