//go:build linux

package cluster

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
	"github.com/symphony-rtc/symphony/test/network"
)

func TestMain(m *testing.M) { network.Main(func() int { return run(m) }) }

func run(m *testing.M) int {
	began := time.Now()
	flag.Parse()
	atATime := shortAtATime
	if os.Getenv("SYMPHONY_CLUSTER_ROUNDS") != "" {
		atATime = fullAtATime
	}
	if err := flag.Set("test.parallel", strconv.Itoa(atATime)); err != nil {
		panic(err) // the flag is always there
	}
	version := harness.Output("git", "describe", "--tags", "--always") // others may commit while this runs
	code := m.Run()
	if path := os.Getenv("SYMPHONY_CLUSTER_REPORT"); path != "" {
		if !filepath.IsAbs(path) {
			path = filepath.Join(harness.Root(), path)
		}
		if err := os.WriteFile(path, report.table(began, version), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "the report:", err)
			code = 1
		}
	}
	harness.RemoveBinary()
	return code
}
