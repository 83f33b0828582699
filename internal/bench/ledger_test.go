package bench

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A track must say the same as a set of all numbers that ever arrived, as long as nothing is later than its window.
func TestTrackAgainstSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := uint32(rapid.IntRange(0, 1000).Draw(t, "base"))
		tr := newTrack(base)
		got := map[uint32]bool{}
		newest, passed := base, 0
		for range rapid.IntRange(0, 200).Draw(t, "arrivals") {
			lowest := uint32(max(int(newest)-trackWindow+1, 1))
			n := rapid.Uint32Range(lowest, newest+5).Draw(t, "n")
			a, p := tr.take(n)
			passed += p
			want := delivered
			if n <= base {
				want = ignored
			} else if got[n] {
				want = duplicate
			}
			if a != want {
				t.Fatalf("message %d (newest %d, base %d): %v, want %v", n, newest, base, a, want)
			}
			if n > base {
				got[n] = true
			}
			newest = max(newest, n)
		}
		holes := 0
		for n := base + 1; n <= newest; n++ {
			if !got[n] {
				holes++
			}
		}
		if passed != holes {
			t.Fatalf("%d messages were passed over, the track says %d", holes, passed)
		}
	})
}

func TestTrackBeyondItsWindow(t *testing.T) {
	tr := newTrack(0)
	tr.take(1)
	if a, passed := tr.take(200); a != delivered || passed != 198 {
		t.Fatalf("a leap gives %v and %d passed over", a, passed)
	}
	if a, _ := tr.take(2); a != duplicate {
		t.Fatal("what is older than the window must not count as delivered: it cannot be told from a duplicate")
	}
	if a, _ := tr.take(200 - trackWindow + 1); a != delivered {
		t.Fatal("the oldest number in the window counts as late delivery")
	}
}

func TestScheduleIsSpreadAndNotInThePast(t *testing.T) {
	const users, period = 1000, time.Second
	now := 12345 * time.Millisecond
	var firsts []time.Duration
	for u := range users {
		s := scheduleFrom(now, u, period)
		if s.first < now || s.first >= now+period {
			t.Fatalf("user %d begins at %v, wanted within a period after %v", u, s.first, now)
		}
		if s.due(3) != s.first+2*period {
			t.Fatal("message 3 is due two periods after the first")
		}
		firsts = append(firsts, s.first)
	}
	slices.Sort(firsts)
	for i, f := range firsts[1:] {
		if gap := f - firsts[i]; gap > 3*period/users {
			t.Fatalf("a gap of %v between neighbours: %d users were to be spread over %v", gap, users, period)
		}
	}
}
