//go:build linux

package cluster

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
)

// result is what is known of a scenario afterwards: one row of the table.
type result struct {
	order         int
	What          string
	NoDisconnects bool // no client may lose its connection
	Injections    int
	Moves         int // of rooms, by an operator
	Blackouts     int // times that everything was killed and what is stored was compared with what was acknowledged
	Acknowledged  int // updates
	Checks        int // comparisons of a room
	Lost          int // rooms in which an acknowledged update was missing
	Diverged      int // rooms, or sets of them, whose copies were not equal
	TwoWriters    bool
	JournalRows   int             // looked at
	Watched       int             // clients times injections after which was looked whether they lost their connection
	LostTelling   int             // connections that were lost, of symphony and npm clients
	LostPlain     int             // of plain clients
	Waits         []time.Duration // the longest that an edit of a client waited to be acknowledged, for each injection
	Notes         []string
	failed        bool
}

func (r *result) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// wait is a quantile of the waits.
func (r *result) wait(quantile float64) time.Duration {
	if len(r.Waits) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.Waits))
	return sorted[max(0, int(math.Ceil(quantile*float64(len(sorted))))-1)]
}

func (r *result) String() string {
	return fmt.Sprintf("%d injections, %d updates acknowledged, %d times killed and compared; lost: %d, diverged: %d, two writers: %t; %d rows of the journal; "+
		"%d clients watched, connections lost: %d and %d; edits waited %v, %v, %v (%d); %v", r.Injections, r.Acknowledged, r.Blackouts, r.Lost, r.Diverged,
		r.TwoWriters, r.JournalRows, r.Watched, r.LostTelling, r.LostPlain, milliseconds(r.wait(0.5)), milliseconds(r.wait(0.99)), milliseconds(r.wait(1)),
		len(r.Waits), r.Notes)
}

func milliseconds(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// results of all scenarios so far.
type results struct {
	mu  sync.Mutex
	all []*result
}

var report results

func (r *results) add(one *result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, one)
}

const introduction = `# Faults of a cluster

What was done to the real processes of a cluster, what became of the data, and what clients noticed. Written by ` + "`make test-cluster`" + `; not edited
by hand.

Each process runs on a machine of its own, a network namespace: etcd, Postgres, an S3 server, three proxies (` + "`symphony proxy`" + `) and four hosts
(` + "`symphony room`" + `), with a lease of 2 s. In several rooms clients write all the time: one of the npm package, one that speaks symphony.v1, and
one of y-websocket. Rooms are opened, stored and closed meanwhile. The fault is injected at random moments, and meets the host that has most of the
rooms, or a proxy chosen at random. Where three members of etcd are spoken of there are three, with TLS, and new rooms are opened
meanwhile; *besides* has how long that took, and how many leases of hosts ran out. In the last rows the network is long or bad in one place, from before the clients come until the last
comparison: the test itself carries the packets there, delays them and loses some.

*Acknowledged* are the updates of which a client was told that they are durable. In every third round, and at the end, every process is
killed at once, in the middle of the fault, and what was acknowledged is compared with what is stored, before any client can send anything
again; then everything settles, and the documents of all clients, of the hosts, of new clients and of storage are compared. *Lost* is the
number of rooms in which an acknowledged update was missing, *diverged* of those whose copies were not equal. *Rows* are the rows that ever got into
the journal: all of them continue the one before them, and epochs only rise, so that never two hosts wrote to a room.

*Disconnects* are established connections that clients lost, of those that know what is durable and of plain ones, and how many clients
were watched. **0** in bold: the test fails if there is one. *Without acknowledgement* is the longest time that an edit waited until its client
was told that it is durable, of each client in a room that was concerned, over the whole fault: median, 99th percentile and maximum. What lasts
itself (a frozen database, say) is in it.
`

// table is the report as a page.
func (r *results) table(began time.Time, version string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortStableFunc(r.all, func(a, b *result) int { return a.order - b.order })
	var b strings.Builder
	b.WriteString(introduction)
	var sum result
	writers := 0
	rows := ""
	for _, one := range r.all {
		rows += one.row()
		sum.Injections += one.Injections
		sum.Acknowledged += one.Acknowledged
		sum.Checks += one.Checks
		sum.Lost += one.Lost
		sum.Diverged += one.Diverged
		sum.JournalRows += one.JournalRows
		if one.TwoWriters {
			writers++
		}
	}
	fmt.Fprintf(&b, "\n**%d scenarios, %d injections, %d updates acknowledged: %d lost, %d diverged; %d scenarios with two writers.** "+
		"%d comparisons of a room, %d rows of the journal.\n\n", len(r.all), sum.Injections, sum.Acknowledged, sum.Lost, sum.Diverged, writers, sum.Checks,
		sum.JournalRows)
	fmt.Fprintf(&b, "%s, %s; Symphony %s, %s, %s, %s, versitygw %s; %d processors.\n\n", began.UTC().Format("2006-01-02"), time.Since(began).Round(time.Second),
		version, runtime.Version(), harness.EtcdVersion(), harness.PostgresVersion(), harness.VersitygwVersion(), runtime.NumCPU())
	b.WriteString("| fault | injections | killed and compared | acknowledged | lost | diverged | rows | disconnects | without acknowledgement | besides |\n")
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---|---|---|\n")
	b.WriteString(rows)
	return []byte(b.String())
}

func (r *result) row() string {
	what := r.What
	if r.failed {
		what += " **FAILED**"
	}
	disconnects := fmt.Sprintf("%d + %d of %d", r.LostTelling, r.LostPlain, r.Watched)
	switch {
	case r.Watched == 0:
		disconnects = ""
	case r.NoDisconnects && r.LostTelling+r.LostPlain == 0:
		disconnects = fmt.Sprintf("**0** of %d", r.Watched)
	}
	var waits []string
	for _, q := range []float64{0.5, 0.99, 1} {
		waits = append(waits, fmt.Sprintf("%.2f", r.wait(q).Seconds()))
	}
	notes := r.Notes
	if r.Moves > 0 {
		notes = append([]string{fmt.Sprintf("%d moves", r.Moves)}, notes...)
	}
	return fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %d | %s | %s s | %s |\n", what, r.Injections, r.Blackouts, r.Acknowledged, r.Lost, r.Diverged,
		r.JournalRows, disconnects, strings.Join(waits, " / "), strings.Join(notes, "; "))
}
