package pool

import (
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// Sizer decides when a proxy asks for another number of hosts. Several proxies that see nearly the same do not fight:
//
//   - It begins with what is there, so a proxy that has just started ends no hosts.
//   - It asks for more at once, though not for a tenth if nobody waits; for fewer only if they are enough for a whole Cooldown,
//     and not for a fifth.
//   - It repeats what it asked for only if hosts are missing and none comes.
//   - What is left over for long, asked for by a proxy that has died, it ends; ever more patiently if it comes back, because then
//     somebody wants it.
//   - When most hosts vanish at once it waits for a moment: their leases are over because the registry stood still, and they are
//     about to register again.
//
// It has no clock: the same steps give the same decisions. Not safe for concurrent use.
type Sizer struct {
	bounds   Bounds
	began    bool
	want     int       // of what counts (see key)
	needed   []need    // of the last Cooldown, each larger than those after it
	since    time.Time // when the first step was
	stirred  time.Time // when Step last asked, or a host came
	came     int
	excess   time.Time // since when there are more hosts than wanted; zero if not
	patience int       // how many cool-downs the Sizer looks at an excess
	hosts    int       // there were before they vanished, or at the last step
	fell     time.Time // when they vanished; zero if they did not, or that was long ago
}

// How many hosts vanish at once, besides more than half, when it is probably the registry's doing, and how long they may take to be back.
const (
	fall  = 10
	rally = 5 * time.Second
)

type need struct {
	at time.Time
	n  int
}

// NewSizer returns a Sizer that has seen nothing yet.
func NewSizer(b Bounds) *Sizer { return &Sizer{bounds: b.withDefaults(), patience: 2} }

// Step takes in what is seen now, and returns what is wanted and whether the Orchestrator is to be asked for it. Want.Fewer is set only when
// it is asked to end hosts.
func (z *Sizer) Step(now time.Time, s Seen) (want cluster.Want, ask bool) {
	wanted := z.bounds.Size(s)
	n, there := z.key(wanted), s.Hosts-s.Draining
	if z.bounds.Capacity == 1 {
		there = s.Free
	}
	if !z.began {
		z.began, z.want, z.since, z.stirred = true, there, now, now
	}
	if s.Came != z.came {
		z.came, z.stirred = s.Came, now
	}
	if z.vanished(now, s.Hosts) {
		return z.whole(wanted, n), false
	}
	most := z.remember(now, n)
	fewer := false
	switch {
	case n > z.want+z.want/10 || n > z.want && s.Waiting > 0:
		z.want, ask = n, true
	case now.Sub(z.since) >= z.bounds.Cooldown && z.want-most > z.want/5:
		z.want, ask, fewer = most, true, true
	case there < z.want && now.Sub(z.stirred) >= max(10*time.Second, 3*s.Ready):
		ask = true
	case z.leftOver(now, there):
		z.patience = min(2*z.patience, 64)
		ask, fewer = true, true
	}
	if ask {
		z.stirred, z.excess = now, time.Time{}
	}
	want = z.whole(wanted, n)
	want.Fewer = fewer
	return want, ask
}

// vanished reports whether most hosts have gone a moment ago.
func (z *Sizer) vanished(now time.Time, hosts int) bool {
	if hosts*2 >= z.hosts || z.hosts-hosts < fall {
		z.hosts, z.fell = hosts, time.Time{}
		return false
	}
	if z.fell.IsZero() {
		z.fell = now
	}
	if now.Sub(z.fell) < rally {
		return true
	}
	z.hosts, z.fell = hosts, time.Time{}
	return false
}

// key is the number that counts: free hosts where a host has one room, else all.
func (z *Sizer) key(w cluster.Want) int {
	if z.bounds.Capacity == 1 {
		return w.Free
	}
	return w.Total
}

// whole is what is wanted, with all its numbers; n is what counted of wanted.
func (z *Sizer) whole(wanted cluster.Want, n int) cluster.Want {
	if z.bounds.Capacity == 1 {
		return cluster.Want{Free: z.want, Total: wanted.Total + z.want - n}
	}
	return cluster.Want{Total: z.want}
}

// remember notes what is needed now and returns the most that was needed within the Cooldown.
func (z *Sizer) remember(now time.Time, n int) int {
	for len(z.needed) > 0 && z.needed[len(z.needed)-1].n <= n {
		z.needed = z.needed[:len(z.needed)-1]
	}
	z.needed = append(z.needed, need{now, n})
	for now.Sub(z.needed[0].at) > z.bounds.Cooldown {
		z.needed = z.needed[1:]
	}
	return z.needed[0].n
}

// leftOver reports whether there have been more hosts than wanted for so long that nobody seems to want them.
func (z *Sizer) leftOver(now time.Time, there int) bool {
	if there-z.want <= z.want/5 {
		z.excess = time.Time{}
		return false
	}
	if z.excess.IsZero() {
		z.excess = now
	}
	return now.Sub(z.excess) >= time.Duration(z.patience)*z.bounds.Cooldown
}
