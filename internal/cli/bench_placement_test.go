package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/bench/placement"
)

var smallPlacement = []string{"bench", "placement", "--hosts", "20", "--rooms", "100", "--capacity", "10", "--zones", "2", "--proxies", "2"}

func TestBenchPlacementShowsAllWaysToChoose(t *testing.T) {
	var out, errOut bytes.Buffer
	if code := Main(smallPlacement, strings.NewReader(""), &out, &errOut); code != 0 {
		t.Fatalf("exit code %d: %s", code, errOut.String())
	}
	for _, want := range []string{
		"100 rooms on 20 hosts for 10 each, in 2 zones", "a zone dies", "10% are renewed", "least + counts", "ns per pick", "detours",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("the report has colours though nobody sees it on a terminal")
	}
}

func TestBenchPlacementAsJSON(t *testing.T) {
	var out, errOut bytes.Buffer
	if code := Main(append(smallPlacement, "--json", "--seed", "5"), strings.NewReader(""), &out, &errOut); code != 0 {
		t.Fatalf("exit code %d: %s", code, errOut.String())
	}
	var r placement.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	last := r.Strategies[len(r.Strategies)-1]
	if r.Config.Seed != 5 || last.Name != "symphony" || last.Tally.Opens < 100 || len(last.Phases) != 6 || r.Cost.Pick <= 0 {
		t.Fatalf("result %+v", r)
	}
}

func TestBenchPlacementCalledWrongly(t *testing.T) {
	var out, errOut bytes.Buffer
	code := Main([]string{"bench", "placement", "--hosts", "10", "--rooms", "2000"}, strings.NewReader(""), &out, &errOut)
	if code != 2 || !strings.Contains(errOut.String(), "2000 rooms do not fit on 10 hosts") {
		t.Fatalf("exit code %d, said %q", code, errOut.String())
	}
}

func TestPlacementBarInAPipe(t *testing.T) {
	var b bytes.Buffer
	bar := newPlacementBar(&b)
	bar.show(placement.Progress{Share: 0.1, Doing: "random"})
	bar.last = time.Now().Add(-time.Minute)
	bar.show(placement.Progress{Share: 0.25, Elapsed: 61 * time.Second, Doing: "random"})
	bar.clear()
	if got := b.String(); got != " 25%   61s  random\n" {
		t.Fatalf("lines: %q", got)
	}
}
