package matrix

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
)

// result is what is known of a scenario afterwards: one row of the table.
type result struct {
	order        int
	Storage      string
	What         string
	Injections   int
	Blackouts    int // times that everything was killed and what is stored was compared with what was acknowledged
	Acknowledged int // updates
	Checks       int // comparisons of a room
	Lost         int // rooms in which an acknowledged update was missing
	Diverged     int // rooms, or sets of them, whose copies were not equal
	JournalRows  int // looked at, of Postgres
	Recovery     time.Duration
	Notes        []string
	failed       bool
}

var report struct {
	mu      sync.Mutex
	results []*result
}

func (r *result) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func TestMain(m *testing.M) {
	began := time.Now()
	flag.Parse()
	atATime := shortAtATime
	if os.Getenv("SYMPHONY_MATRIX_ROUNDS") != "" {
		atATime = fullAtATime
	}
	if err := flag.Set("test.parallel", strconv.Itoa(atATime)); err != nil {
		panic(err) // the flag is always there
	}
	version := harness.Output("git", "describe", "--tags", "--always") // others may commit while this runs
	code := m.Run()
	removeSharedPostgres()
	if clockProgram.dir != "" {
		_ = os.RemoveAll(clockProgram.dir)
	}
	if path := os.Getenv("SYMPHONY_MATRIX_REPORT"); path != "" {
		if !filepath.IsAbs(path) {
			path = filepath.Join(harness.Root(), path)
		}
		if err := os.WriteFile(path, table(began, version), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "the report:", err)
			code = 1
		}
	}
	harness.RemoveBinary()
	os.Exit(code)
}

const introduction = `# Faults

What was done to real processes, and what became of the data. Written by ` + "`make test-faults`" + `; not edited by hand.

In each scenario yjs clients write all the time in several rooms, in which they come and go so that rooms are opened, stored and
closed; the fault is injected at random moments. *Acknowledged* are the updates of which the server told a client that
they are durable. In every third round, and at the end, every process is killed at once, the storage servers included, and
what was acknowledged is compared with what is stored before any client can send anything again; then everything settles, and the documents
of all clients, of the server, of new clients and of storage are compared. *Lost* is the number of rooms in which
an acknowledged update was missing, *diverged* of those whose copies were not equal. *Durable again* is the longest time from
the end of a fault, with all processes running again, until every client that was connected had a new update acknowledged.
`

// table is the report as a page.
func table(began time.Time, version string) []byte {
	report.mu.Lock()
	defer report.mu.Unlock()
	slices.SortStableFunc(report.results, func(a, b *result) int { return a.order - b.order })
	var b strings.Builder
	b.WriteString(introduction)
	var sum result
	rows := ""
	for _, r := range report.results {
		state := ""
		if r.failed {
			state = " **FAILED**"
		}
		rows += fmt.Sprintf("| %s | %s%s | %d | %d | %d | %d | %d | %.1f s | %s |\n", r.Storage, r.What, state, r.Injections,
			r.Blackouts, r.Acknowledged, r.Lost, r.Diverged, r.Recovery.Seconds(), strings.Join(r.Notes, "; "))
		sum.Injections += r.Injections
		sum.Blackouts += r.Blackouts
		sum.Acknowledged += r.Acknowledged
		sum.Checks += r.Checks
		sum.Lost += r.Lost
		sum.Diverged += r.Diverged
	}
	fmt.Fprintf(&b, "\n**%d scenarios, %d injections, %d updates acknowledged: %d lost, %d diverged.** %d comparisons of a room with storage.\n\n",
		len(report.results), sum.Injections, sum.Acknowledged, sum.Lost, sum.Diverged, sum.Checks)
	fmt.Fprintf(&b, "%s, %s; Symphony %s, %s, %s, versitygw %s; %d processors.\n\n", began.UTC().Format("2006-01-02"),
		time.Since(began).Round(time.Second), version, runtime.Version(), harness.PostgresVersion(),
		harness.VersitygwVersion(), runtime.NumCPU())
	b.WriteString("| storage | fault | injections | killed and compared | acknowledged | lost | diverged | durable again | besides |\n")
	b.WriteString("|---|---|---:|---:|---:|---:|---:|---:|---|\n")
	b.WriteString(rows)
	return []byte(b.String())
}
