// Command compare measures Symphony beside y-websocket's own server (npm @y/websocket-server) with the same load: one
// after the other, the server on one core and the load generator on another. `make bench-compare` runs it.
//
// Both serve the reference load; Symphony with its journal on, y-websocket's server in memory only, as it comes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// options is what the flags say.
type options struct {
	symphony  string // the binary, which is also the load generator
	yscript   string
	users     int // of the load that both are measured with
	idle      int
	start     int // of the search
	duration  time.Duration
	server    int // cores
	generator int
	search    bool
}

func main() {
	var o options
	flag.StringVar(&o.symphony, "symphony", "bin/symphony", "binary of Symphony, also the load generator")
	flag.StringVar(&o.yscript, "y-websocket", "node_modules/@y/websocket-server/src/server.js", "y-websocket's server")
	flag.IntVar(&o.users, "users", 800, "users of the load that both servers get")
	flag.IntVar(&o.idle, "idle-users", 2000, "idle connections for the comparison of memory")
	flag.IntVar(&o.start, "search-from", 800, "users that the search begins with")
	flag.DurationVar(&o.duration, "duration", 10*time.Second, "of each measurement")
	flag.IntVar(&o.server, "server-core", 0, "core of the server")
	flag.IntVar(&o.generator, "generator-core", 1, "core of the load generator")
	flag.BoolVar(&o.search, "search", true, "also find how many users each server holds (some minutes each)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 40*time.Minute)
	defer cancel()
	if err := compare(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func compare(ctx context.Context, o options) error {
	if err := o.check(); err != nil {
		return err
	}
	data, err := os.MkdirTemp("", "symphony-compare-")
	if err != nil {
		return fmt.Errorf("making a directory for Symphony's data: %w", err)
	}
	defer os.RemoveAll(data)
	servers := []server{
		{
			name: "y-websocket", port: 21234, args: []string{"node", o.yscript},
			env: []string{"HOST=127.0.0.1", "PORT=21234"},
		},
		{
			name: "symphony", port: 21235, path: "/rooms",
			args: []string{o.symphony, "dev", "--addr", "127.0.0.1:21235", "--data", filepath.Join(data, "rooms")},
		},
	}
	var measured []measurements
	for _, s := range servers {
		m, err := s.measure(ctx, o)
		if err != nil {
			return fmt.Errorf("measuring %s: %w", s.name, err)
		}
		measured = append(measured, m)
	}
	printComparison(os.Stdout, o, measured[0], measured[1])
	return nil
}

// check says what is missing before anything is started.
func (o *options) check() error {
	for _, tool := range []string{"taskset", "node"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is needed (Debian packages util-linux and nodejs): %w", tool, err)
		}
	}
	if _, err := os.Stat(o.symphony); err != nil {
		return fmt.Errorf("no binary of Symphony: run `make build` first: %w", err)
	}
	if _, err := os.Stat(o.yscript); err != nil {
		return fmt.Errorf("no y-websocket server: run `npm ci` first: %w", err)
	}
	if o.server == o.generator {
		return errors.New("server and generator must be on different cores")
	}
	return nil
}

// pinned is a command on one core. It ends with the context.
func pinned(ctx context.Context, core int, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", strconv.Itoa(core)}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
	return cmd
}
