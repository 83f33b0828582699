package remote

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/ipc"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
	"github.com/symphony-rtc/symphony/internal/store/sqlite"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

var benchJournal = journal.Options{Window: time.Millisecond}

// superviseUntilAsked serves a new catalog beside the socket, and answers every line that comes with the processor time it has
// used, until there are no more.
func superviseUntilAsked(address string) {
	db, err := sqlite.Open(context.Background(), filepath.Join(filepath.Dir(address), "catalog.db"), benchJournal)
	if err != nil {
		panic(err)
	}
	l, err := ipc.Listen(address)
	if err != nil {
		panic(err)
	}
	go func() { panic(Serve(context.Background(), l, db, slog.New(slog.NewTextHandler(os.Stderr, nil)))) }()
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(int64(storetest.CPUTime()))
	}
	os.Exit(0)
}

// otherSupervisor starts a supervisor in a process of its own, and returns how to ask for its processor time.
func otherSupervisor(b *testing.B) (address string, cpu func() time.Duration) {
	address = filepath.Join(socketDir(b), "store")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childRole+"=supervisor", childAddress+"="+address)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "ready\n" {
		b.Fatalf("the supervisor said %q, %v", line, err)
	}
	return address, func() time.Duration {
		io.WriteString(in, "\n")
		var n int64
		if _, err := fmt.Fscanln(lines, &n); err != nil {
			b.Fatal(err)
		}
		return time.Duration(n)
	}
}

// BenchmarkAppend makes commits of so many updates of 100 bytes, each of another room, directly and over a socket, and reports the
// processor time of all processes for one update.
func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{1, 10, 100} {
		b.Run(fmt.Sprint("direct/batch=", batch), func(b *testing.B) {
			db, err := sqlite.Open(context.Background(), filepath.Join(b.TempDir(), "catalog.db"), benchJournal)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			benchAppend(b, db, batch, nil)
		})
		b.Run(fmt.Sprint("socket/batch=", batch), func(b *testing.B) {
			address, cpu := otherSupervisor(b)
			benchAppend(b, dial(b, address), batch, cpu)
		})
	}
}

func benchAppend(b *testing.B, catalog store.Catalog, batch int, other func() time.Duration) {
	here, there := storetest.AppendBench{Claim: func(id string, events room.JournalEvents) (storetest.Appender, error) {
		claim, _, err := catalog.Claim(context.Background(), id, events)
		return claim, err
	}, Other: other}.Run(b, batch)
	b.ReportMetric(there, "other-cpu-µs/update")
	b.ReportMetric(here+there, "all-cpu-µs/update")
}

// BenchmarkAppendOnly is the cost of Append for its caller.
func BenchmarkAppendOnly(b *testing.B) {
	address, _ := otherSupervisor(b)
	claim, _, _ := claimRoom(b, dial(b, address), "room")
	update := make([]byte, 100)
	seq := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		seq++
		claim.Append(seq, update)
	}
}
