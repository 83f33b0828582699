package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/symphony-rtc/symphony/internal/bench"
)

// server is one of those that are compared.
type server struct {
	name string
	port int
	path string
	args []string
	env  []string
}

// measurements is what was found out about one server.
type measurements struct {
	name string
	load bench.Result // under the load that both get
	idle bench.Result // with idle connections
	most *bench.Found // nil if not searched
}

// measure runs a server for each measurement anew, so that none pays for another's rooms.
func (s server) measure(ctx context.Context, o options) (measurements, error) {
	m := measurements{name: s.name}
	seconds := o.duration.String()
	err := s.serve(ctx, o, "load", &m.load, "--users", strconv.Itoa(o.users), "--ramp", "4s", "--duration", seconds)
	if err != nil {
		return m, err
	}
	err = s.serve(ctx, o, "idle connections", &m.idle, "--idle", "--users", strconv.Itoa(o.idle), "--ramp", "4s", "--duration", "3s")
	if err != nil || !o.search {
		return m, err
	}
	m.most = &bench.Found{}
	return m, s.serve(ctx, o, "highest load", m.most, "--search", "--users", strconv.Itoa(o.start), "--ramp", "5s", "--duration", seconds)
}

// serve runs the server and the load generator against it, and reads the generator's result into value.
func (s server) serve(ctx context.Context, o options, what string, value any, load ...string) error {
	fmt.Fprintf(os.Stderr, "== %s: %s\n", s.name, what)
	ctx, stop := context.WithCancel(ctx)
	process := pinned(ctx, o.server, s.args...)
	process.Env = append(os.Environ(), s.env...)
	process.Stderr = os.Stderr
	if err := process.Start(); err != nil {
		stop()
		return fmt.Errorf("starting: %w", err)
	}
	defer func() {
		stop()
		_ = process.Wait() // it was told to end
	}()
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
	if err := reachable(ctx, addr); err != nil {
		return err
	}
	args := append([]string{
		o.symphony, "bench", "reference", "--json", "--url", "ws://" + addr + s.path,
		"--pid", strconv.Itoa(process.Process.Pid), // taskset becomes what it runs
	}, load...)
	generator := pinned(ctx, o.generator, args...)
	generator.Stderr = os.Stderr
	out, err := generator.Output()
	if err != nil {
		return fmt.Errorf("load generator: %w", err)
	}
	if err := json.Unmarshal(out, value); err != nil {
		return fmt.Errorf("reading the load generator's result: %w", err)
	}
	return nil
}

// reachable waits until a server listens.
func reachable(ctx context.Context, addr string) error {
	for range 100 {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("nobody listens on %s after 10 s", addr)
}
