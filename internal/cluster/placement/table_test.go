package placement

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// clock is a time that tests move on.
type clock struct{ now time.Time }

func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }

func newTable(o Options) (*Table, *clock) {
	c := &clock{time.Unix(1_700_000_000, 0)}
	o.Now = func() time.Time { return c.now }
	if o.Source == nil {
		o.Source = rand.NewPCG(7, 7)
	}
	return New(o), c
}

func named(id string, capacity, rooms int) cluster.Host {
	return cluster.Host{ID: id, Address: id + ":1", Zone: "a", Capacity: capacity, Rooms: rooms}
}

func mustPick(t *testing.T, table *Table, avoid func(string) bool) cluster.Host {
	t.Helper()
	h, err := table.Pick("room", avoid)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestPickLeavesOutWhoCannotTakeARoom(t *testing.T) {
	table, _ := newTable(Options{})
	drains, busy, odd := named("drains", 10, 0), named("busy", 10, 0), named("odd", 10, 0)
	drains.Draining, busy.Load, odd.Load = true, 0.95, math.NaN()
	for _, h := range []cluster.Host{drains, busy, odd, named("full", 5, 5), named("none", 0, 0), named("fails", 10, 0), named("avoided", 10, 0)} {
		table.Set(h)
	}
	table.Failed("fails")
	for range 10 {
		if h := mustPick(t, table, func(id string) bool { return id == "avoided" }); h.ID != "odd" {
			t.Fatalf("picked %q", h.ID)
		}
	}
	_, err := table.Pick("lobby", func(id string) bool { return id == "avoided" })
	if !errors.Is(err, ErrOverloaded) {
		t.Fatalf("error %v", err)
	}
	for _, part := range []string{`"lobby"`, "of 7 hosts 3 are full, 1 overloaded, 1 draining, 1 left out after a failure, 1 tried"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error lacks %q: %v", part, err)
		}
	}
	if h := mustPick(t, table, nil); h.ID != "avoided" {
		t.Fatalf("picked %q, but only one was left", h.ID)
	}
}

func TestPickWithoutHosts(t *testing.T) {
	table, _ := newTable(Options{})
	if _, err := table.Pick("room", nil); !errors.Is(err, ErrNone) {
		t.Fatalf("empty table: %v", err)
	}
	h := named("a", 1, 0)
	h.Draining = true
	table.Set(h)
	if _, err := table.Pick("room", nil); !errors.Is(err, ErrNone) {
		t.Fatalf("only draining hosts: %v", err)
	}
	table.Set(named("a", 1, 0))
	table.Remove("a")
	table.Remove("a")
	if _, err := table.Pick("room", nil); !errors.Is(err, ErrNone) {
		t.Fatalf("all gone: %v", err)
	}
}

// The registry's word may have been said before the pick: only rooms that it tells of take the place of picks.
func TestPicksCountUntilTheRegistryTellsOfThem(t *testing.T) {
	table, clock := newTable(Options{})
	table.Set(named("a", 2, 0))
	mustPick(t, table, nil)
	mustPick(t, table, nil)
	refused := func(what string) {
		t.Helper()
		if h, err := table.Pick("room", nil); !errors.Is(err, ErrOverloaded) {
			t.Fatalf("%s: picked %+v, error %v", what, h, err)
		}
	}
	refused("two picks")
	table.Set(named("a", 2, 0))
	refused("a word that says nothing of them")
	table.Set(named("a", 2, 1))
	refused("a word that has one of them")
	table.Set(named("a", 2, 2))
	refused("a word that has both")
	table.Set(named("a", 2, 1))
	mustPick(t, table, nil)
	table.Unused("a")
	mustPick(t, table, nil)
	clock.pass(time.Second)
	refused("before the memory ends")
	clock.pass(2 * time.Second)
	mustPick(t, table, nil)
	if n := table.Totals(); n.Rooms != 2 || n.Full != 1 {
		t.Fatalf("%+v", n)
	}
}

func TestFailedHostsComeBackAfterAMoment(t *testing.T) {
	table, clock := newTable(Options{Memory: time.Minute})
	table.Set(named("a", 10, 0))
	mustPick(t, table, nil)
	table.Failed("a")
	table.Failed("nobody")
	clock.pass(59 * time.Second)
	table.Set(named("a", 10, 0))
	if _, err := table.Pick("room", nil); !errors.Is(err, ErrOverloaded) {
		t.Fatalf("error %v", err)
	}
	clock.pass(time.Second)
	mustPick(t, table, nil)
	if n := table.Totals(); n.Rooms != 1 || n.Failed != 0 {
		t.Fatalf("%+v", n)
	}
}

func TestZonesFillInProportionToWhatIsFree(t *testing.T) {
	table, _ := newTable(Options{})
	sizes := map[string]int{"big": 600, "small": 300, "tiny": 3}
	for zone, n := range sizes {
		for i := range n {
			h := named(fmt.Sprint(zone, i), 100, 0)
			h.Zone = zone
			table.Set(h)
		}
	}
	picks := map[string]int{}
	for range 20_000 {
		picks[mustPick(t, table, nil).Zone]++
	}
	for zone, n := range sizes {
		want := 20_000 * float64(n) / 903
		if got := float64(picks[zone]); math.Abs(got-want) > 5*math.Sqrt(want) {
			t.Errorf("zone %s got %.0f rooms, want about %.0f", zone, got, want)
		}
	}
}

// A zone in which everything fails is asked ever less, although the registry still believes in its hosts.
func TestADeadZoneIsAvoided(t *testing.T) {
	table, clock := newTable(Options{})
	for i := range 1000 {
		h := named(fmt.Sprint("h", i), 1000, 0)
		h.Zone = fmt.Sprint("zone-", i%2)
		table.Set(h)
	}
	lost := 0
	for range 10_000 {
		clock.pass(100 * time.Microsecond)
		for h := mustPick(t, table, nil); h.Zone == "zone-0"; h = mustPick(t, table, nil) {
			lost++
			table.Failed(h.ID)
		}
	}
	if lost == 0 || lost > 300 { // one in two without the table's memory
		t.Fatalf("%d of 10,000 picks went to the dead zone first", lost)
	}
	clock.pass(time.Minute)
	revived := 0
	for range 1000 {
		if mustPick(t, table, nil).Zone == "zone-0" {
			revived++
		}
	}
	if revived < 400 {
		t.Fatalf("%d of 1000 picks went to the zone when it was back", revived)
	}
}

// Whatever happens, what the table keeps by way of changes is what one would count anew.
func TestSumsStayTrue(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	table, clock := newTable(Options{Source: rand.NewPCG(5, 6)})
	id := func() string { return fmt.Sprint("h", random.IntN(40)) }
	for step := range 20_000 {
		clock.pass(time.Duration(random.IntN(100)) * time.Millisecond)
		switch random.IntN(8) {
		case 0, 1:
			h := named(id(), random.IntN(5), random.IntN(5)-1)
			h.Zone, h.Load, h.Draining = fmt.Sprint(random.IntN(4)), random.Float64(), random.IntN(4) == 0
			table.Set(h)
		case 2:
			table.Remove(id())
		case 3:
			table.Failed(id())
		case 4:
			table.Unused(id())
		case 5:
			table.Picked(id())
		default:
			avoided := id()
			h, err := table.Pick("room", func(id string) bool { return id < avoided })
			if err == nil && (h.ID < avoided || h.Draining || h.Load > 0.9) {
				t.Fatalf("step %d: picked %+v, avoiding those below %q", step, h, avoided)
			}
		}
		check(t, table, step)
	}
}

func check(t *testing.T, table *Table, step int) {
	t.Helper()
	want := Totals{}
	free := map[*zone]int64{}
	for id, h := range table.hosts {
		if h.told.ID != id || h.zone.hosts[h.index] != h || h.pending < 0 || h.settled < 0 || h.failed < 0 || h.gone {
			t.Fatalf("step %d: host %+v", step, h)
		}
		s := h.stateNow(table.overload)
		want.Hosts++
		want.add(s, 1)
		want.Rooms += h.count()
		if s != stateDraining {
			want.Capacity += h.told.Capacity
		}
		if s == stateReady {
			free[h.zone] += h.weigh()
			if h.count() == 0 {
				want.Free++
			}
		}
	}
	if table.totals != want {
		t.Fatalf("step %d: totals are %+v, want %+v", step, table.totals, want)
	}
	for name, z := range table.zones {
		if z.free.total != free[z] || (z.weight > 0) != (free[z] > 0) || z.picks < 0 || z.failed < 0 {
			t.Fatalf("step %d: zone %s weighs %d of %d, has %d free", step, name, z.weight, z.free.total, free[z])
		}
	}
}

func TestManyGoroutinesShareATable(t *testing.T) {
	table := New(Options{})
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 500 {
				id := fmt.Sprint("h", (worker*31+i)%50)
				switch i % 5 {
				case 0:
					table.Set(named(id, 100, i%90))
				case 1:
					table.Remove(id)
				case 2:
					table.Failed(id)
				default:
					if h, err := table.Pick("room", nil); err == nil {
						table.Unused(h.ID)
					}
				}
			}
		})
	}
	group.Wait()
	check(t, table, -1)
}
