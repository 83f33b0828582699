package matrix

import (
	"math/rand/v2"
	"time"
)

var (
	linkCuts = fault{
		what: "connections to Postgres are cut, again and again",
		begin: func(w *world) func() {
			for range 1 + w.r.IntN(4) {
				w.link.cutAll()
				time.Sleep(w.upTo(60 * time.Millisecond))
			}
			if w.r.IntN(2) == 0 { // and cannot be made again for a while
				w.link.set(weather{refuse: true})
				w.link.cutAll()
			}
			return func() { w.link.set(weather{}) }
		},
		hold: [2]time.Duration{0, 2 * time.Second},
	}
	linkCutsCommits = fault{
		what: "connections to Postgres are cut in the middle of commits, before they arrive or before their answer comes back",
		begin: func(w *world) func() {
			w.link.set(weather{cut: func(chunk []byte) (before, after bool) {
				if !aCommit(chunk) {
					return false, false
				}
				n := rand.IntN(4) // the link has goroutines of its own
				if n < 2 {
					w.hits.Add(1)
				}
				return n == 0, n == 1
			}})
			return func() { w.link.set(weather{}) }
		},
		hold: [2]time.Duration{500 * time.Millisecond, 3 * time.Second},
	}
	linkFreezes = fault{
		what: "nothing passes between the server and Postgres, for up to 18 s, and nothing ends",
		begin: func(w *world) func() {
			w.link.set(weather{freeze: true})
			cut := w.r.IntN(2) == 0
			return func() {
				if cut {
					w.link.cutAll()
				}
				w.link.set(weather{})
			}
		},
		hold: [2]time.Duration{time.Second, 18 * time.Second},
	}
)
