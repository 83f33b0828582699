package postgres

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
	"github.com/symphony-rtc/symphony/test/services"
)

// BenchmarkAppend makes commits of so many updates of 100 bytes, each of another room, and reports the processor time
// of this process, and of all processes of the server, for one update.
func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{1, 10, 100} {
		b.Run(fmt.Sprint("batch=", batch), func(b *testing.B) {
			p := services.Postgres(b)
			db := openDB(b, p.URL(p.NewDatabase(b)), Options{Journal: journal.Options{Window: time.Millisecond}})
			_, there := storetest.AppendBench{Claim: func(id string, events room.JournalEvents) (storetest.Appender, error) {
				claim, _, err := db.Claim(context.Background(), id, events)
				return claim, err
			}, Other: p.CPUTime}.Run(b, batch)
			b.ReportMetric(there, "server-cpu-µs/update")
		})
	}
}

// BenchmarkDurable is how long updates take to be durable at a server's load, with the processor time of the server, too.
func BenchmarkDurable(b *testing.B) {
	for b.Loop() {
		p := services.Postgres(b)
		s := openStore(b, p.URL(p.NewDatabase(b)), b.TempDir(), store.Options{})
		b.ReportMetric(storetest.BenchDurable(b, s, p.CPUTime), "server-cpu-%")
	}
}
