package bench

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// For any server with a sharp limit the search must end, near the limit, after a moderate number of tries.
func TestSearchConvergesOnALimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 30_000).Draw(t, "limit")
		s := SearchConfig{
			Most:      rapid.IntRange(1000, 25_000).Draw(t, "most"),
			Precision: rapid.Float64Range(0.01, 0.3).Draw(t, "precision"),
		}
		start := rapid.IntRange(1, 1000).Draw(t, "start")
		low, high, tries := 0, 0, 0
		for users := start; users != 0; users = nextUsers(start, low, high, s) {
			if tries++; tries > 60 {
				t.Fatalf("no end: low %d, high %d", low, high)
			}
			if users < 1 || users > s.Most || users <= low || (high > 0 && users >= high) {
				t.Fatalf("tries %d users though %d were held and %d were not", users, low, high)
			}
			if users <= limit {
				low = users
			} else {
				high = users
			}
		}
		reachable := min(limit, s.Most)
		if gap := float64(reachable - low); low > reachable || gap > s.Precision*float64(reachable)*1.5+5 {
			t.Fatalf("found %d (lowest not held %d), the limit is %d", low, high, reachable)
		}
	})
}

func TestFaults(t *testing.T) {
	good := Result{Users: 8, Connected: 8, Document: Delivery{Latency: Latency{P99: 99}}}
	if why := good.fault(100 * time.Millisecond); why != "" {
		t.Fatalf("a good run: %s", why)
	}
	for name, spoil := range map[string]func(*Result){
		"slow document": func(r *Result) { r.Document.P99 = 100 },
		"slow presence": func(r *Result) { r.Presence.P99 = 5000 },
		"loss":          func(r *Result) { r.Presence.Lost = 1 },
		"missing user":  func(r *Result) { r.Connected = 7 },
		"disconnect":    func(r *Result) { r.Disconnects = map[string]int{"1006": 1} },
		"error":         func(r *Result) { r.Errors = map[string]int{"x": 1} },
		"interrupted":   func(r *Result) { r.Interrupted = true },
	} {
		r := good
		spoil(&r)
		if r.fault(100*time.Millisecond) == "" {
			t.Errorf("%s counts as held", name)
		}
	}
}
