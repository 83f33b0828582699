package pool

import (
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

func TestSize(t *testing.T) {
	single := Bounds{Capacity: 1, MinFree: 3, MaxFree: 50, MaxTotal: 200}
	many := Bounds{Capacity: 100, MinFree: 1, MaxFree: 10, MaxTotal: 40}
	for name, c := range map[string]struct {
		bounds Bounds
		seen   Seen
		want   cluster.Want
	}{
		"nothing happens":            {single, Seen{Hosts: 5, Free: 5}, cluster.Want{Free: 3, Total: 3}},
		"hosts in use":               {single, Seen{Hosts: 25, Free: 5, Rooms: 20}, cluster.Want{Free: 3, Total: 23}},
		"claims while one starts":    {single, Seen{Rate: 4, Ready: 4 * time.Second}, cluster.Want{Free: 28, Total: 28}}, // 16 + 3*4, in steps of 2
		"a burst":                    {single, Seen{Rate: 0.1, Ready: time.Second, Burst: 12}, cluster.Want{Free: 12, Total: 12}},
		"no more than MaxFree":       {single, Seen{Rate: 100, Ready: 10 * time.Second}, cluster.Want{Free: 50, Total: 50}},
		"those who wait come on top": {single, Seen{Hosts: 20, Rooms: 20, Waiting: 60}, cluster.Want{Free: 63, Total: 83}},
		"no more than MaxTotal":      {single, Seen{Hosts: 190, Rooms: 190, Waiting: 60}, cluster.Want{Free: 10, Total: 200}},
		"over MaxTotal":              {single, Seen{Hosts: 210, Rooms: 210, Waiting: 1}, cluster.Want{Free: 0, Total: 210}},
		"no bounds":                  {Bounds{}, Seen{}, cluster.Want{Free: 2, Total: 2}},

		"empty":              {many, Seen{}, cluster.Want{Total: 1}},
		"by rooms":           {many, Seen{Hosts: 3, Rooms: 600}, cluster.Want{Total: 11}},
		"by load":            {many, Seen{Hosts: 3, Rooms: 10, Load: 6}, cluster.Want{Total: 11}},
		"by what is coming":  {many, Seen{Rooms: 60, Rate: 25, Ready: 4 * time.Second}, cluster.Want{Total: 4}}, // 60+100+30 of 60 each
		"not too much of it": {many, Seen{Rooms: 60, Rate: 2500, Ready: 4 * time.Second}, cluster.Want{Total: 11}},
		"at the bound":       {many, Seen{Rooms: 60_000}, cluster.Want{Total: 40}},
		"down to none":       {Bounds{Capacity: 10}, Seen{Hosts: 3}, cluster.Want{}},
		"the first room":     {Bounds{Capacity: 10}, Seen{Waiting: 1}, cluster.Want{Total: 1}},
	} {
		if got := c.bounds.Size(c.seen); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestStepsAreAboutAnEighth(t *testing.T) {
	last := 0
	for n := range 100_000 {
		got := step(float64(n))
		if got < n || got < last || float64(got) > float64(n)*1.126+1 {
			t.Fatalf("step(%d) = %d, the one before %d", n, got, last)
		}
		last = got
	}
}

func TestMeterRisesQuicklyAndForgetsSlowly(t *testing.T) {
	var m Meter
	now, claims := time.Unix(1000, 0), uint64(500)
	pass := func(seconds, each int) {
		for range seconds {
			now = now.Add(time.Second)
			claims += uint64(each)
			m.Count(now, claims, 3*time.Second)
		}
	}
	m.Count(now, claims, 3*time.Second)
	if m.Rate() != 0 || m.Burst() != 0 {
		t.Fatalf("claims from before count: %v, %v", m.Rate(), m.Burst())
	}
	pass(20, 10)
	if r := m.Rate(); r < 8 || r > 10 {
		t.Errorf("after 20 s of 10 claims each: %.1f/s", r)
	}
	if b := m.Burst(); b != 30 {
		t.Errorf("burst of 3 s: %d", b)
	}
	pass(30, 0)
	if r := m.Rate(); r < 1 || r > 5 {
		t.Errorf("half a minute later: %.1f/s", r)
	}
	if b := m.Burst(); b < 10 || b > 25 {
		t.Errorf("half a minute later: burst %d", b)
	}
	pass(600, 0)
	if m.Rate() > 0.01 || m.Burst() != 0 {
		t.Errorf("ten minutes later: %v, %v", m.Rate(), m.Burst())
	}
	m.Count(now, claims, time.Second) // no time has passed
	m.Count(now.Add(time.Second), 0, time.Second)
	if m.Rate() > 0.01 {
		t.Errorf("a count that begins anew: %v", m.Rate())
	}
}
