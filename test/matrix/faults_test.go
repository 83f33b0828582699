package matrix

import (
	"time"
)

// fault is something bad that happens.
type fault struct {
	what  string                       // for the table
	begin func(w *world) (lift func()) // makes it happen; lift ends it and everything runs again
	after func(w *world)               // what a person does once everything runs again; may be nil
	hold  [2]time.Duration             // how long it lasts, at least and at most
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

var (
	killServer = fault{
		what: "SIGKILL of the server",
		begin: func(w *world) func() {
			i := w.r.IntN(len(w.hosts))
			w.killHost(i)
			for w.r.IntN(4) == 0 { // and while it starts
				w.hosts[i].Start()
				time.Sleep(w.upTo(150 * time.Millisecond))
				w.hosts[i].Kill()
			}
			return w.hosts[i].Start
		},
		hold: [2]time.Duration{0, 300 * time.Millisecond},
	}
	endServer = fault{
		what: "SIGKILL of the server while it shuts down",
		begin: func(w *world) func() {
			i := w.r.IntN(len(w.hosts))
			w.hosts[i].AskToEnd()
			time.Sleep(w.upTo(80 * time.Millisecond))
			w.killHost(i)
			return w.hosts[i].Start
		},
		hold: [2]time.Duration{0, 100 * time.Millisecond},
	}
	killPostgres = fault{
		what: "SIGKILL of Postgres, back at once or after seconds",
		begin: func(w *world) func() {
			w.postgres.Kill()
			if w.r.IntN(2) == 0 {
				w.must(w.postgres.Start())
			}
			return func() { w.must(w.postgres.Start()) }
		},
		hold: [2]time.Duration{0, 4 * time.Second},
	}
	killBucket = fault{
		what: "SIGKILL of the S3 server, back at once or after seconds",
		begin: func(w *world) func() {
			w.bucket.Kill()
			if w.r.IntN(2) == 0 {
				w.must(w.bucket.Start())
			}
			return func() { w.must(w.bucket.Start()) }
		},
		hold: [2]time.Duration{0, 3 * time.Second},
	}
	killAny = fault{
		what: "SIGKILL of the server, Postgres and the S3 server, any of them at any moment",
		begin: func(w *world) func() {
			which := 1 + w.r.IntN(7)
			for _, i := range w.r.Perm(3) {
				switch {
				case which&1 != 0 && i == 0:
					w.killHost(0)
				case which&2 != 0 && i == 1:
					w.postgres.Kill()
				case which&4 != 0 && i == 2:
					w.bucket.Kill()
				}
				time.Sleep(w.upTo(50 * time.Millisecond))
			}
			return w.storageUp
		},
		hold: [2]time.Duration{0, 2 * time.Second},
	}
	pauseServer = fault{
		what: "SIGSTOP of the server, then SIGCONT",
		begin: func(w *world) func() {
			w.pauseHost(0)
			return func() { w.resumeHost(0) }
		},
		hold: [2]time.Duration{100 * time.Millisecond, 4 * time.Second},
	}
	pausePostgres = fault{
		what: "SIGSTOP of Postgres, then SIGCONT",
		begin: func(w *world) func() {
			w.postgres.Pause()
			return w.postgres.Resume
		},
		hold: [2]time.Duration{100 * time.Millisecond, 4 * time.Second},
	}
	pauseBucket = fault{
		what: "SIGSTOP of the S3 server, then SIGCONT",
		begin: func(w *world) func() {
			w.bucket.Pause()
			return w.bucket.Resume
		},
		hold: [2]time.Duration{100 * time.Millisecond, 4 * time.Second},
	}
)
