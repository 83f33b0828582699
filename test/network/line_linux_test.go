package network

import (
	"math/rand/v2"
	"testing"
	"time"
)

func newLine(seed uint64) *line { return &line{r: rand.New(rand.NewPCG(seed, 0))} }

var start = time.Unix(1_000_000, 0)

// TestLineShares: as many packets are lost, doubled and late as was asked for, and a seed repeats which.
func TestLineShares(t *testing.T) {
	const n = 100_000
	c := Conditions{Delay: time.Second, Loss: 0.1, Double: 0.05, Late: 0.02, LateBy: time.Second}
	var sum, again Counts
	first, second, other := newLine(1), newLine(1), newLine(2)
	different := 0
	for i := range n {
		now := start.Add(time.Duration(i) * time.Millisecond)
		arrivals, what := first.fate(c, now, 100)
		if want := what.Sent - what.Lost - what.Refused + what.Doubled; len(arrivals) != want {
			t.Fatalf("%d arrivals of %+v", len(arrivals), what)
		}
		sum.add(what)
		_, what2 := second.fate(c, now, 100)
		again.add(what2)
		if _, what3 := other.fate(c, now, 100); what3 != what2 {
			different++
		}
	}
	if sum != again || different == 0 {
		t.Errorf("a seed gives %+v, then %+v; another seed differs %d times", sum, again, different)
	}
	near := func(what string, got int, share float64) {
		t.Helper()
		if want := share * n; float64(got) < 0.9*want || float64(got) > 1.1*want {
			t.Errorf("%d packets of %d are %s, not about %.0f", got, n, what, want)
		}
	}
	near("lost", sum.Lost, 0.1)
	near("doubled", sum.Doubled, 0.9*0.05)
	near("late", sum.Late, 0.9*0.02)
}

// TestLineOrder: jitter alone lets no packet overtake another, and keeps within its bounds; late packets are overtaken.
func TestLineOrder(t *testing.T) {
	jittery := Conditions{Delay: 80 * time.Millisecond, Jitter: 20 * time.Millisecond}
	l, last, span := newLine(3), time.Time{}, map[time.Duration]bool{}
	for i := range 10_000 {
		now := start.Add(time.Duration(i) * time.Millisecond)
		arrivals, _ := l.fate(jittery, now, 100)
		at, took := arrivals[0], arrivals[0].Sub(now)
		if at.Before(last) {
			t.Fatalf("packet %d arrives at %s, before the one sent before it, at %s", i, at, last)
		}
		if took < 60*time.Millisecond || took > 100*time.Millisecond {
			t.Fatalf("packet %d takes %s", i, took)
		}
		last = at
		span[took.Truncate(10*time.Millisecond)] = true
	}
	if len(span) < 3 {
		t.Errorf("packets take only %v", span)
	}
	overtaken := 0
	late := Conditions{Delay: 80 * time.Millisecond, Late: 0.1, LateBy: 10 * time.Millisecond}
	l, last = newLine(3), time.Time{}
	for i := range 1000 {
		arrivals, _ := l.fate(late, start.Add(time.Duration(i)*time.Millisecond), 100)
		if arrivals[0].Before(last) {
			overtaken++
		}
		last = arrivals[0]
	}
	if overtaken < 50 {
		t.Errorf("%d packets were overtaken", overtaken)
	}
}

// TestLineBandwidth: packets leave one after the other, and no more wait than was allowed.
func TestLineBandwidth(t *testing.T) {
	c := Conditions{Delay: time.Second, Bandwidth: 1_000_000, Backlog: 100 * time.Millisecond}
	l := newLine(4)
	var sum Counts
	var last time.Time
	for range 100 { // at once; each takes 10 ms
		arrivals, what := l.fate(c, start, 1250)
		sum.add(what)
		if len(arrivals) > 0 {
			last = arrivals[0]
		}
	}
	if passed := sum.Sent - sum.Refused; passed != 11 || last.Sub(start) != time.Second+110*time.Millisecond {
		t.Errorf("%d packets pass, the last one after %s", passed, last.Sub(start))
	}
	arrivals, _ := l.fate(c, start.Add(time.Minute), 1250)
	if took := arrivals[0].Sub(start.Add(time.Minute)); took != time.Second+10*time.Millisecond {
		t.Errorf("a packet behind none takes %s", took)
	}
}
