package bench

import (
	"context"
	"fmt"
	"time"
)

// SearchConfig says what counts as holding a load and how precisely to look.
type SearchConfig struct {
	Limit     time.Duration // highest 99th percentile of delivery, documents and presence alike
	Most      int           // do not try more users than this
	Precision float64       // end when the highest held and the lowest not held number differ by this share
}

// Step is one try of a search.
type Step struct {
	Users  int     `json:"users"`
	Held   bool    `json:"held"`
	Why    string  `json:"why"` // it was not held
	Result *Result `json:"result"`
}

// Found is what a search found. Held is the highest number of users that the server held, 0 if it held none.
type Found struct {
	Held   int      `json:"held"`
	Steps  []Step   `json:"steps"`
	Doubts []string `json:"doubts"` // why the figure is not to be trusted, or what it is only a bound of
}

// Best is the step with the most users that were held, nil if there is none.
func (f *Found) Best() *Step {
	var best *Step
	for i := range f.Steps {
		if s := &f.Steps[i]; s.Held && (best == nil || s.Users > best.Users) {
			best = s
		}
	}
	return best
}

// Search finds the highest number of users that a server holds: with a 99th percentile of delivery below the limit,
// no loss, no disconnect and no error. It begins with cfg.Users, goes up by half until a load is not held and then
// halves the interval. A load must fail twice to count as not held, because other work on the machine can spoil one
// try. tried, if not nil, is called after each try. When ctx ends, what was found so far is returned.
func Search(ctx context.Context, cfg Config, s SearchConfig, progress func(Progress), tried func(Step)) (*Found, error) {
	if s.Limit <= 0 || s.Precision <= 0 || s.Most < cfg.Users {
		return nil, fmt.Errorf("a search needs a limit and a precision above 0, and at most %d users to end with", cfg.Users)
	}
	found := &Found{}
	try := func(users int) (Step, error) {
		c := cfg
		c.Users = users
		result, err := Run(ctx, c, progress)
		if err != nil {
			return Step{}, fmt.Errorf("with %d users: %w", users, err)
		}
		step := Step{Users: users, Result: result, Why: result.fault(s.Limit)}
		step.Held = step.Why == ""
		found.Steps = append(found.Steps, step)
		if tried != nil {
			tried(step)
		}
		return step, nil
	}
	low, high := 0, 0 // highest held, lowest not held; 0 for unknown
	for users := cfg.Users; ctx.Err() == nil; users = nextUsers(cfg.Users, low, high, s) {
		if users == 0 {
			break
		}
		step, err := try(users)
		if err == nil && !step.Held && ctx.Err() == nil {
			step, err = try(users)
		}
		if err != nil {
			if low == 0 {
				return nil, err
			}
			found.doubt("the search ended early: %v", err) // for example the server died under the load
			break
		}
		if step.Held {
			low = users
		} else {
			high = users
		}
	}
	found.Held = low
	found.judge(ctx, low, high, s)
	return found, nil
}

// nextUsers is what to try next, 0 for nothing.
func nextUsers(start, low, high int, s SearchConfig) int {
	const least = 4
	switch {
	case high == 0 && low >= s.Most:
		return 0
	case high == 0:
		return min(low+max(low/2, least), s.Most)
	case high-low <= max(int(float64(high)*s.Precision), least):
		return 0
	case low == 0 && high <= least:
		return 0
	case low == 0:
		return high / 2
	}
	return (low + high) / 2
}

func (f *Found) doubt(format string, args ...any) {
	f.Doubts = append(f.Doubts, fmt.Sprintf(format, args...))
}

// judge says how far the figure is to be trusted.
func (f *Found) judge(ctx context.Context, low, high int, s SearchConfig) {
	if ctx.Err() != nil {
		f.doubt("the search was interrupted")
	}
	if high == 0 && low >= s.Most {
		f.doubt("%d users was the most to try: the server may hold more", s.Most)
	}
	for _, step := range f.Steps {
		if step.Users == high && !step.Held && len(step.Result.Doubts) > 0 {
			f.doubt("at %d users %s: the server may hold more", high, step.Result.Doubts[0])
			break
		}
	}
}

// fault is why a load does not count as held, empty if it does.
func (r *Result) fault(limit time.Duration) string {
	switch {
	case r.Interrupted:
		return "interrupted"
	case r.Connected < r.Users:
		return fmt.Sprintf("%d of %d users could not connect", r.Users-r.Connected, r.Users)
	case len(r.Disconnects) > 0:
		return fmt.Sprintf("%d disconnects", Total(r.Disconnects))
	case r.Lost() > 0:
		return fmt.Sprintf("%d deliveries lost", r.Lost())
	case len(r.Errors) > 0:
		return fmt.Sprintf("%d errors", Total(r.Errors))
	case r.P99() >= limit:
		return fmt.Sprintf("p99 of delivery %.0f ms", milliseconds(r.P99()))
	}
	return ""
}
