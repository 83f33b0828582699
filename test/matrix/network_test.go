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
		what: "connections to Postgres are cut in the middle of commits, when half of them has arrived or all of it and the answer is lost",
		begin: func(w *world) func() {
			w.link.set(weather{cut: func(chunk []byte) (half, all bool) {
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
	clientCuts = fault{
		what: "connections of clients are cut, again and again, in the middle of messages, or stand still",
		begin: func(w *world) func() {
			switch w.r.IntN(3) {
			case 0:
				w.link.set(weather{freeze: true})
			case 1:
				w.link.set(weather{cut: func([]byte) (half, all bool) {
					n := rand.IntN(20) // the link has goroutines of its own
					return n == 0, n == 1
				}})
			default:
				for range 1 + w.r.IntN(6) {
					w.link.cutAll()
					time.Sleep(w.upTo(100 * time.Millisecond))
				}
			}
			return func() {
				w.link.cutAll()
				w.link.set(weather{})
			}
		},
		hold: [2]time.Duration{0, 2 * time.Second},
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

// linkClients puts a link between the clients and the server.
func linkClients(w *world) {
	w.link = newLink(w.t, w.hosts[0].Addr)
	w.hosts[0].Front = w.link.addr
}
