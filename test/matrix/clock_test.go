package matrix

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/symphony-rtc/symphony/test/harness"
)

// jump is by how many seconds a clock is wrong from now on: up to two days in either direction.
func jump(r *rand.Rand) int { return r.IntN(4*24*3600) - 2*24*3600 }

// wrongBy reports whether a time is that of a clock that is wrong by so many seconds.
func wrongBy(is time.Time, seconds int) bool {
	return is.Sub(time.Now().Add(time.Duration(seconds)*time.Second)).Abs() < time.Minute
}

func (w *world) askPostgresTime() (now time.Time) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, w.postgres.URL(w.database))
	w.must(err)
	defer c.Close(ctx)
	w.must(c.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now))
	return now
}

// postgresClock has the clock of Postgres jump, while it runs and while it is killed and started again.
var postgresClock = fault{
	what: "the clock of Postgres jumps by up to two days, back and forth, also across a SIGKILL",
	begin: func(w *world) func() {
		seconds := jump(w.r)
		w.must(os.WriteFile(w.clock, fmt.Appendf(nil, "%+d\n", seconds), 0o644))
		harness.Eventually(w.t, "Postgres to have the wrong time", func() bool {
			return wrongBy(w.askPostgresTime(), seconds)
		})
		if w.r.IntN(2) == 0 {
			return func() {}
		}
		w.postgres.Kill()
		return w.storageUp
	},
	hold: [2]time.Duration{500 * time.Millisecond, 3 * time.Second},
}

// fakePostgresClock has Postgres run with libfaketime, which looks into a file for the clock's error.
func fakePostgresClock(w *world) {
	found, _ := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if len(found) == 0 {
		if os.Getenv("SYMPHONY_TEST_ALL") != "" {
			w.t.Fatal("libfaketime is not installed: run scripts/setup.sh faketime")
		}
		w.t.Skip("libfaketime is not installed: `scripts/setup.sh faketime` installs it")
	}
	dir := w.t.TempDir()
	for _, path := range []string{dir, filepath.Dir(dir)} { // another user runs the server
		w.must(os.Chmod(path, 0o755))
	}
	w.clock = filepath.Join(dir, "clock")
	w.must(os.WriteFile(w.clock, []byte("+0\n"), 0o644))
	w.postgres.Stop()
	w.postgres.Env = []string{"LD_PRELOAD=" + found[0], "FAKETIME_TIMESTAMP_FILE=" + w.clock, "FAKETIME_CACHE_DURATION=1",
		"FAKETIME_DONT_FAKE_MONOTONIC=1"}
	w.must(w.postgres.Start())
}

// serverClock has the clock of the server jump while it runs. What it signs its requests to the S3 server with is wrong by as
// much, which S3 servers refuse beyond 15 minutes.
var serverClock = fault{
	what: "the clock of the server jumps by up to two days, back and forth, also beside that of the S3 server",
	begin: func(w *world) func() {
		seconds := jump(w.r)
		w.must(os.WriteFile(w.clock, fmt.Appendf(nil, "%d", seconds), 0o644))
		harness.Eventually(w.t, "the server to have the wrong time", func() bool {
			resp, err := patient.Get("http://" + w.hosts[0].Addr + "/healthz")
			if err != nil {
				return false
			}
			resp.Body.Close()
			date, err := http.ParseTime(resp.Header.Get("Date"))
			return err == nil && wrongBy(date, seconds)
		})
		return func() {}
	},
	hold: [2]time.Duration{500 * time.Millisecond, 3 * time.Second},
}

// fakeServerClock has the servers run a program whose time.Now adds what a file says. No library can do that from outside:
// a Go program asks the kernel itself.
func fakeServerClock(w *world) {
	w.clock = filepath.Join(w.t.TempDir(), "clock")
	w.must(os.WriteFile(w.clock, []byte("0"), 0o644))
	program := programWithClock(w.t)
	for _, s := range w.hosts {
		s.Program = program
		s.Env = append(s.Env, "FAKE_CLOCK="+w.clock)
	}
}

// noticeSkew counts requests that the S3 server refuses for their time.
func noticeSkew(w *world) {
	fakeServerClock(w)
	w.front.Set(func(to http.ResponseWriter, r *http.Request, server http.Handler) {
		server.ServeHTTP(&statusWriter{to, &w.skewed}, r)
	})
}

type statusWriter struct {
	http.ResponseWriter
	forbidden *atomic.Int64
}

func (s *statusWriter) WriteHeader(status int) {
	if status == http.StatusForbidden {
		s.forbidden.Add(1)
	}
	s.ResponseWriter.WriteHeader(status)
}

// skewedRounds is rounds for a server with a wrong clock: the S3 server must have noticed.
func skewedRounds(w *world, n int) {
	w.t.Helper()
	w.rounds(n, serverClock)
	if w.skewed.Load() == 0 {
		w.t.Error("the S3 server never refused a request for its time: the test proves nothing")
	}
	w.result.note("the S3 server refused %d requests for their time, which were signed anew and repeated", w.skewed.Load())
}
