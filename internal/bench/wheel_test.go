package bench

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A wheel must fire exactly what a sorted list of due times would, never early, and late by less than the step and a slot.
func TestWheelAgainstList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const timers = 20
		w := newWheel(timers)
		var due, since [timers]time.Duration
		armed := map[int32]bool{}
		now := time.Duration(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			for id := range int32(timers) {
				if !armed[id] && rapid.Bool().Draw(t, "arm") {
					// Up to several rounds of the wheel ahead, and sometimes in the past.
					due[id] = now + time.Duration(rapid.Int64Range(-1e6, 5e9).Draw(t, "in"))
					since[id] = max(due[id], now)
					w.arm(id, due[id])
					armed[id] = true
				}
			}
			if wait := w.wait(now, time.Second); wait > 0 {
				for id := range armed {
					if armed[id] && due[id] > now && slotOf(due[id]) < slotOf(now+wait) {
						t.Fatalf("wait of %v at %v passes over a timer due at %v", wait, now, due[id])
					}
				}
			}
			now += time.Duration(rapid.Int64Range(0, 2e9).Draw(t, "step"))
			var fired []int32
			w.run(now, func(id int32, at time.Duration) {
				if at != due[id] || at > now || !armed[id] {
					t.Fatalf("timer %d due %v (armed %v) fired at %v with %v", id, due[id], armed[id], now, at)
				}
				armed[id] = false
				fired = append(fired, id)
			})
			for id := range armed {
				if armed[id] && slotOf(since[id]) < int64(now/slot) {
					t.Fatalf("timer %d due at %v had not fired at %v; fired %v", id, due[id], now, fired)
				}
			}
			if n := len(slices.DeleteFunc(slices.Collect(mapKeys(armed)), func(id int32) bool { return !armed[id] })); n != w.armed {
				t.Fatalf("%d timers are armed, the wheel says %d", n, w.armed)
			}
		}
	})
}

func mapKeys(m map[int32]bool) func(func(int32) bool) {
	return func(yield func(int32) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func TestWheelRearmsInFire(t *testing.T) {
	w := newWheel(1)
	w.arm(0, 0)
	var at []time.Duration
	w.run(10*time.Millisecond, func(id int32, due time.Duration) {
		at = append(at, due)
		w.arm(id, due+2*time.Millisecond)
	})
	want := []time.Duration{0, 2e6, 4e6, 6e6, 8e6, 10e6}
	if !slices.Equal(at, want) {
		t.Fatalf("fired at %v, want %v", at, want)
	}
}
