package network

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// Network is a switch and the machines at it. Its methods may be called from any goroutine.
type Network struct {
	t      testing.TB
	number int // of this network in the sandbox: it has the addresses 10.77.number.0/24

	mu       sync.Mutex
	machines int
	cuts     map[[2]string]int // addresses that do not reach each other: from, to; how often that was asked for
}

// Machine is a network namespace with an address at the switch: a Place.
type Machine struct {
	Place
	Name string
	Wire *Wire // nil, unless it was made by Wired

	network *Network
	space   *os.File // holds the namespace while nothing runs in it
}

var sandbox struct {
	once     sync.Once
	err      error
	mu       sync.Mutex
	networks int
	space    *os.File // the network namespace of the sandbox
}

// New makes a network without machines. It is gone when the test ends. Without a sandbox, or without the programs ip and nft, the test
// is skipped, or fails where everything has to be tested.
func New(t testing.TB) *Network {
	t.Helper()
	sandbox.once.Do(func() { sandbox.err = prepare() })
	if sandbox.err != nil {
		leaveOut(t, sandbox.err)
	}
	sandbox.mu.Lock()
	sandbox.networks++
	n := &Network{t: t, number: sandbox.networks, cuts: map[[2]string]int{}}
	sandbox.mu.Unlock()
	n.must("ip", "link", "add", n.bridge(), "address", fmt.Sprintf("02:77:00:00:00:%02x", n.number), "type", "bridge", "forward_delay", "0")
	n.must("ip", "addr", "add", n.address(1)+"/24", "dev", n.bridge())
	n.must("ip", "link", "set", n.bridge(), "up")
	// After the bridge: hooks that were there before it see none of its packets (Linux 6.18).
	n.must("nft", "add table bridge "+n.bridge()+"; add set bridge "+n.bridge()+" cut { type ipv4_addr . ipv4_addr; }; "+
		"add chain bridge "+n.bridge()+" forward { type filter hook forward priority 0; }; "+
		"add rule bridge "+n.bridge()+" forward ip saddr . ip daddr @cut drop")
	t.Cleanup(func() {
		n.must("nft", "delete", "table", "bridge", n.bridge())
		n.must("ip", "link", "del", n.bridge())
	})
	return n
}

// leaveOut skips a test that cannot be run here, or has it fail where everything has to be tested.
func leaveOut(t testing.TB, why error) {
	t.Helper()
	if os.Getenv("SYMPHONY_TEST_ALL") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// prepare makes what all networks of the sandbox share.
func prepare() error {
	if os.Getenv(stage) != stageInside {
		return fmt.Errorf("%w (run as root, on Linux, to include this test)", errNoSandbox)
	}
	for _, program := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is not installed: `scripts/setup.sh namespaces` installs it", program)
		}
	}
	var err error
	if sandbox.space, err = os.Open("/proc/thread-self/ns/net"); err != nil {
		return err
	}
	if output, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("bringing the loopback of the sandbox up: %w\n%s", err, bytes.TrimSpace(output))
	}
	return nil
}

func (n *Network) bridge() string          { return fmt.Sprint("switch", n.number) }
func (n *Network) address(host int) string { return fmt.Sprintf("10.77.%d.%d", n.number, host) }

// Machine adds a machine. Processes that are started in its Place have its address, and reach the other machines and this
// process.
func (n *Network) Machine(name string) *Machine {
	n.t.Helper()
	m, port := n.newMachine(name)
	m.must("ip", "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns",
		// Not the number of this process: its first thread may just be starting something on a machine.
		fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), sandbox.space.Fd()))
	n.join(m, port)
	return m
}

// Wired adds a machine whose packets go through a Wire. Without TAP devices the test is skipped, or fails where everything has to
// be tested. The seed decides which packets meet what the wire is told to do.
func (n *Network) Wired(name string, seed int) *Machine {
	n.t.Helper()
	if _, err := os.Stat(tunDevice); err != nil {
		leaveOut(n.t, fmt.Errorf("no TAP devices can be made (`modprobe tun` may help): %w", err))
	}
	m, port := n.newMachine(name)
	var machineEnd *os.File
	err := m.enter(func() (err error) {
		machineEnd, err = tap("eth0")
		return err
	})
	if err != nil {
		n.t.Fatalf("machine %s: %v", name, err)
	}
	portEnd, err := tap(port)
	if err != nil {
		machineEnd.Close()
		n.t.Fatalf("machine %s: %v", name, err)
	}
	n.join(m, port)
	m.Wire = startWire(machineEnd, portEnd, seed, n.t.Errorf)
	n.t.Cleanup(m.Wire.stop)
	return m
}

// newMachine makes a machine that is not joined to the switch, and names the port that it shall have there.
func (n *Network) newMachine(name string) (m *Machine, port string) {
	n.t.Helper()
	n.mu.Lock()
	n.machines++
	host := n.machines + 1
	n.mu.Unlock()
	m = &Machine{Name: name, network: n}
	var err error
	if m.space, err = newSpace(); err != nil {
		n.t.Fatalf("making a network namespace: %v", err)
	}
	n.t.Cleanup(func() { m.space.Close() })
	m.Place = Place{IP: n.address(host), start: m.start}
	m.must("ip", "link", "set", "lo", "up")
	return m, fmt.Sprintf("p%d-%d", n.number, host)
}

// join joins the device eth0 of a machine, which has the given other end, to the switch.
func (n *Network) join(m *Machine, port string) {
	n.t.Helper()
	m.must("ip", "addr", "add", m.IP+"/24", "dev", "eth0")
	m.must("ip", "link", "set", "eth0", "up")
	n.must("ip", "link", "set", port, "master", n.bridge(), "up")
}

// must runs a program in the namespace of this process.
func (n *Network) must(program string, args ...string) { n.run(Place{}, program, args...) }

func (m *Machine) must(program string, args ...string) { m.network.run(m.Place, program, args...) }

func (n *Network) run(where Place, program string, args ...string) {
	n.t.Helper()
	cmd := exec.Command(program, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := where.Start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		n.t.Errorf("%s %v: %v\n%s", program, args, err, said.Bytes())
	}
}

// newSpace makes a network namespace.
func newSpace() (space *os.File, err error) {
	err = inSpace(func() error { return unix.Unshare(unix.CLONE_NEWNET) }, func() error {
		space, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	return space, err
}

// start starts a process on the machine: it inherits the namespace of the thread that does so.
func (m *Machine) start(cmd *exec.Cmd) error { return m.enter(cmd.Start) }

// enter calls f on a thread that is in the namespace of the machine.
func (m *Machine) enter(f func() error) error {
	return inSpace(func() error { return unix.Setns(int(m.space.Fd()), unix.CLONE_NEWNET) }, f)
}

// inSpace calls f on a thread that enter has put into another network namespace.
func inSpace(enter, f func() error) error {
	runtime.LockOSThread()
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer own.Close()
	if err := enter(); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	err = f()
	if back := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); back != nil {
		return back // still locked, the thread ends with its goroutine
	}
	runtime.UnlockOSThread()
	return err
}
