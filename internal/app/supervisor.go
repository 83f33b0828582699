package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster/memory"
	"github.com/symphony-rtc/symphony/internal/cluster/process"
	"github.com/symphony-rtc/symphony/internal/cluster/socket"
	"github.com/symphony-rtc/symphony/internal/ipc"
	"github.com/symphony-rtc/symphony/internal/store/embedded"
	"github.com/symphony-rtc/symphony/internal/store/remote"
	"github.com/symphony-rtc/symphony/internal/telemetry"
)

// The sockets of a supervisor in its directory.
const (
	registrySocket = "registry"
	storeSocket    = "store"
)

// startSupervisor starts a server whose rooms are each served by a process of its own, or so many of them together: this process
// is the proxy, has the registry, starts and ends the others, and lends them the embedded store, so that one journal with one
// group commit serves them all. docs/isolation.md describes it.
func startSupervisor(ctx context.Context, config Config, log *slog.Logger, version string) (_ *Server, err error) {
	var undo cleanup
	defer undo.unless(&err)
	dir, removeDir, err := process.SocketDir()
	if err != nil {
		return nil, err
	}
	undo.add(func() error { removeDir(); return nil })

	serving, stopServing := context.WithCancel(context.Background())
	var lending sync.WaitGroup
	lend := func(name string, serve func(l net.Listener) error) error {
		l, err := ipc.Listen(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		lending.Go(func() {
			if err := serve(l); err != nil {
				log.Error("the processes of rooms lost the "+name, "error", err)
			}
		})
		return nil
	}
	undo.add(func() error { stopServing(); lending.Wait(); return nil })

	metrics := telemetry.NewMetrics(version)
	children := config // what the processes of rooms are told
	closeStore := func() error { return nil }
	if config.Storage.Catalog == "" {
		options := embedded.Options{
			Window: config.Journal.Window, Observe: metrics, Log: log, Store: storeOptions(config, metrics, log),
		}
		stored, err := openEmbedded(ctx, config, options)
		if err != nil {
			return nil, err
		}
		closeStore = stored.Close
		undo.add(stored.Close)
		metrics.Gauge("symphony_journal_backlog_bytes", "Bytes of updates that are relayed and not yet durable.", func() float64 {
			return float64(stored.Backlog())
		})
		err = lend(storeSocket, func(l net.Listener) error { return remote.Serve(serving, l, stored.Catalog(), log) })
		if err != nil {
			return nil, err
		}
		children.Storage.Catalog = "unix:" + filepath.Join(dir, storeSocket)
		if config.Storage.Snapshots == "" {
			place, err := filepath.Abs(filepath.Join(config.Data, "snapshots"))
			if err != nil {
				return nil, fmt.Errorf("the data directory: %w", err)
			}
			children.Storage.Snapshots = (&url.URL{Scheme: "file", Path: place}).String()
		}
	}
	registry := memory.New()
	undo.add(registry.Close)
	err = lend(registrySocket, func(l net.Listener) error { return socket.Serve(serving, l, registry, config.Cluster.Lease, log) })
	if err != nil {
		return nil, err
	}
	children.Cluster.Registry = "unix:" + filepath.Join(dir, registrySocket)

	program, err := process.Self()
	if err != nil {
		return nil, fmt.Errorf("find the program to start for rooms: %w", err)
	}
	orchestrator, err := process.New(process.Options{
		Dir: dir, Registry: registry, Capacity: config.Cluster.Capacity, Most: config.Cluster.Hosts,
		Memory: int64(config.Cluster.Memory), Processors: config.Cluster.Processors, Grace: config.Shutdown.Grace, Log: log,
		Command: func(id, dir string) *exec.Cmd { return roomCommand(program, children, id, dir) },
	})
	if err != nil {
		return nil, err
	}
	undo.add(orchestrator.Close)
	server, err := startFront(ctx, config, log, metrics, version, registry, orchestrator)
	if err != nil {
		return nil, err
	}
	server.places.Data = config.Storage.where(config.Data) + ", each " + roomsOf(config.Cluster.Capacity) + " in a process of its own"
	front := server.drain
	server.drain = func(ctx context.Context) error {
		// Members leave before the processes of their rooms end, those end before the store is closed.
		return errors.Join(front(ctx), orchestrator.Close())
	}
	server.finish = func(context.Context) error {
		stopServing()
		lending.Wait()
		err := errors.Join(registry.Close(), closeStore())
		removeDir()
		return err
	}
	return server, nil
}

func roomsOf(capacity int) string {
	if capacity == 1 {
		return "room"
	}
	return strconv.Itoa(capacity) + " rooms"
}

// roomCommand is how the process of a room is started: with this one's settings, all of them in its environment, so that none
// is seen in a list of processes.
func roomCommand(program string, config Config, id, dir string) *exec.Cmd {
	config.Addr = process.Address(dir, id)
	config.Cluster.ID = id
	config.Cluster.Isolation = IsolationNone
	config.Cluster.Advertise = ""
	config.Log.Format = "json"
	config.Shutdown.Grace = max(config.Shutdown.Grace-time.Second, time.Second)
	cmd := exec.Command(program, "room")
	cmd.Env = environmentOf(config)
	return cmd
}

// environmentOf is the environment of this process with config in place of its settings.
func environmentOf(config Config) []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, envPrefix) {
			env = append(env, e)
		}
	}
	for _, s := range Settings(&config) {
		env = append(env, s.Env+"="+s.String())
	}
	return env
}
