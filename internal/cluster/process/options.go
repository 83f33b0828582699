package process

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// Options of New. The zero value of each field without a comment to the contrary means its default.
type Options struct {
	// Dir is where children have their sockets (SocketDir). It must be set.
	Dir string
	// Registry is where children register themselves with the id that they are given. It must be set, and outlive the Orchestrator.
	Registry cluster.Registry
	// Command is how to start a child that listens on Address(dir, id) and registers as host id. It ends itself in an orderly way
	// on SIGTERM, and when its connection to this process is lost. It must be set. Its Stdout and Stderr are taken as a log, unless set.
	Command func(id, dir string) *exec.Cmd
	// Capacity is how many rooms a child has at most; 1. With 1 a child that had a room counts as used up, and it ends itself.
	Capacity int
	// Unused is how long a child that counts as used up may have no room and go on all the same until it counts as free again: its room
	// could not be opened; 5 s.
	Unused time.Duration
	// Most is how many children there are at most, those with rooms included; no limit.
	Most int
	// Memory is the most that a child may have, in bytes; no limit. Needs control groups, else it is only what Go's garbage
	// collector of the child aims at.
	Memory int64
	// Processors is how many processors a child may use; no limit. Needs control groups.
	Processors float64
	// Grace is how long a child may take to end after SIGTERM before it is killed; 30 s.
	Grace time.Duration
	// Patience is how long a child may take until it is registered, and may be missing there later, before it is killed; 30 s.
	Patience time.Duration
	// Starting is how many children may be on their way at a time; one per processor, at least two.
	Starting int
	// RetryMin and RetryMax bound the pause before others are started in place of children that ended before they were of use: it is a random
	// part of RetryMin (100 ms), and twice as much with every other failure, up to RetryMax (30 s).
	RetryMin, RetryMax time.Duration
	// Stable is how long a child must have lived for failures before it to be forgotten; 30 s.
	Stable time.Duration
	// Log hears of children, and what they log, with the id as attribute host; discards by default.
	Log *slog.Logger
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" || o.Registry == nil || o.Command == nil {
		return o, errors.New("the supervisor of processes needs a directory, a registry and a command")
	}
	if path := socketPath(o.Dir, newID()); len(path) > maxPath {
		return o, fmt.Errorf("the path of a socket such as %s has %d bytes, more than %d: use a shorter directory", path, len(path), maxPath)
	}
	setDefault(&o.Capacity, 1)
	setDefault(&o.Unused, 5*time.Second)
	setDefault(&o.Grace, 30*time.Second)
	setDefault(&o.Patience, 30*time.Second)
	setDefault(&o.Starting, max(2, runtime.GOMAXPROCS(0)))
	setDefault(&o.RetryMin, 100*time.Millisecond)
	setDefault(&o.RetryMax, 30*time.Second)
	setDefault(&o.Stable, 30*time.Second)
	setDefault(&o.Log, slog.New(slog.DiscardHandler))
	return o, nil
}

// maxPath is the longest path that the name of a Unix socket may have on every system.
const maxPath = 103

// newID makes the id of a host.
func newID() string { return "p" + strings.ToLower(rand.Text()[:12]) }

func socketPath(dir, id string) string { return filepath.Join(dir, id+".sock") }

// Address is where the child with an id listens: unix:path, as in cluster.Host.
func Address(dir, id string) string { return "unix:" + socketPath(dir, id) }
