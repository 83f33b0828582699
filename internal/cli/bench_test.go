package cli

import (
	"bytes"
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/bench"
)

func TestBenchCalledWrongly(t *testing.T) {
	for name, args := range map[string][]string{
		"TLS":             {"--url", "wss://example.org/rooms"},
		"no URL":          {"--url", "example.org"},
		"no users":        {"--users", "0"},
		"idle and search": {"--idle", "--search"},
		"argument":        {"everything"},
	} {
		var out, errOut bytes.Buffer
		code := Main(append([]string{"bench", "reference"}, args...), strings.NewReader(""), &out, &errOut)
		if code == 0 || !strings.HasPrefix(errOut.String(), "symphony: ") {
			t.Errorf("%s: exit code %d, said %q", name, code, errOut.String())
		}
	}
}

func TestBenchTellsAsJSONThatNobodyListens(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the load generator runs on Linux only")
	}
	var out, errOut bytes.Buffer
	args := []string{"bench", "reference", "--json", "--url", "ws://127.0.0.1:1/rooms", "--users", "3", "--ramp", "0s", "--settle", "0s", "--duration", "10ms"}
	if code := Main(args, strings.NewReader(""), &out, &errOut); code != 0 {
		t.Fatalf("exit code %d: %s", code, errOut.String())
	}
	var r bench.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	if r.Users != 3 || r.Connected != 0 || bench.Total(r.Errors) != 3 {
		t.Fatalf("result %+v", r)
	}
}

func TestBenchReportSaysWhatWentWrong(t *testing.T) {
	r := &bench.Result{
		Mode: "reference", URL: "ws://x/rooms", Users: 8, Rooms: 2, Offered: 48,
		Document:    bench.Delivery{Sent: 111, Lost: 222, Latency: bench.Latency{P99: 12345}},
		Presence:    bench.Delivery{Duplicates: 333},
		Server:      &bench.Server{Cores: 0.5, PerConnection: 9300},
		Disconnects: map[string]int{"4508 too slow": 7},
		Errors:      map[string]int{"TCP connect: refused": 2},
		Doubts:      []string{"only 1 of 8 users were connected"},
	}
	var b bytes.Buffer
	printResult(&b, r)
	for _, want := range []string{
		"111", "222", "333", "12.3 s", "9.3 kB", "7: 4508 too slow", "2: TCP connect: refused",
		"Results not trustworthy: only 1 of 8 users were connected.",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Error("the report has colours though nobody sees it on a terminal")
	}
}

func TestBenchProgressInAPipe(t *testing.T) {
	var b bytes.Buffer
	p := newBenchProgress(&b)
	for range 3 {
		p.show(bench.Progress{Phase: bench.Connecting, Users: 5, Wanted: 9})
	}
	p.show(bench.Progress{Phase: bench.Measuring, Elapsed: time.Second, Of: 30 * time.Second, P50: time.Millisecond, P99: 20 * time.Millisecond})
	p.clear()
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "5/9 users") || !strings.Contains(lines[1], "p50 1.00 ms  p99 20.0 ms") {
		t.Fatalf("lines: %q", lines)
	}
}
