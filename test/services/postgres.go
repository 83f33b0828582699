package services

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/symphony-rtc/symphony/test/network"
)

const (
	postgresUser     = "symphony"
	postgresPassword = "only-for-tests"
)

// PostgresServer is a PostgreSQL server with a directory of its own, on a port of its own. Its methods may be called
// from any goroutine.
type PostgresServer struct {
	Addr string   // host:port, the same after every Start
	Env  []string // NAME=value, for the next Start, beside what it always has

	place network.Place
	home  string // directory with the data and the log
	bin   string // directory of the programs
	args  []string
	user  *syscall.Credential // who runs it; nil for the user of this process

	mu  sync.Mutex // held while the process is started or ended
	run *run       // nil while there is none
	dbs int
}

// Postgres starts a server of the test's own. args are settings for it, such as "fsync=off".
func Postgres(t testing.TB, args ...string) *PostgresServer {
	t.Helper()
	return PostgresAt(t, network.Place{}, args...)
}

// PostgresAt is Postgres at a place, where its port is 5432.
func PostgresAt(t testing.TB, place network.Place, args ...string) *PostgresServer {
	t.Helper()
	if _, err := postgresBin(); err != nil {
		if os.Getenv("SYMPHONY_TEST_ALL") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	p, err := startPostgres(place, place.Addr(t, "5432"), args)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the output of PostgreSQL ends with:\n%s", p.Log())
		}
		p.Remove()
	})
	return p
}

// StartPostgres starts a server that several tests share. Whoever calls it calls Remove.
func StartPostgres(args ...string) (*PostgresServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l.Close()
	return startPostgres(network.Place{}, l.Addr().String(), args)
}

func startPostgres(place network.Place, addr string, args []string) (_ *PostgresServer, err error) {
	p := &PostgresServer{Addr: addr, place: place, args: args}
	if p.bin, err = postgresBin(); err != nil {
		return nil, err
	}
	if p.user, err = postgresOwner(); err != nil {
		return nil, err
	}
	// Not a test's own directory: those are closed to the user who runs the server.
	if p.home, err = os.MkdirTemp("", "symphony-postgres-"); err != nil {
		return nil, err
	}
	if err := p.create(); err != nil {
		os.RemoveAll(p.home)
		return nil, err
	}
	if err := p.Start(); err != nil {
		p.Remove()
		return nil, err
	}
	return p, nil
}

// MoveTo ends the server, moves its data to a directory, such as one of a small file system, and starts it again.
func (p *PostgresServer) MoveTo(dir string) error {
	p.Stop()
	for _, path := range []string{dir, filepath.Dir(dir)} { // another user runs the server
		if err := os.Chmod(path, 0o755); err != nil {
			return err
		}
	}
	data, moved := filepath.Join(p.home, "data"), filepath.Join(dir, "data")
	if output, err := exec.Command("cp", "-a", data, moved).CombinedOutput(); err != nil {
		return fmt.Errorf("move the data of PostgreSQL: %w\n%s", err, output)
	}
	if err := os.RemoveAll(data); err != nil {
		return err
	}
	if err := os.Symlink(moved, data); err != nil {
		return err
	}
	return p.Start()
}

// ErrNoPostgres says that the programs of PostgreSQL are not installed.
var ErrNoPostgres = errors.New("PostgreSQL is not installed: `scripts/setup.sh postgres` installs it")

// postgresBin finds the directory of initdb and postgres: the newest version of Debian's packages, or what is in PATH.
func postgresBin() (string, error) {
	best, version := "", 0.0
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	for _, path := range found {
		dir := filepath.Dir(path)
		if v, err := strconv.ParseFloat(filepath.Base(filepath.Dir(dir)), 64); err == nil && v > version {
			best, version = dir, v
		}
	}
	if best != "" {
		return best, nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	return "", ErrNoPostgres
}

// create makes the data directory.
func (p *PostgresServer) create() error {
	secret := filepath.Join(p.home, "password")
	if err := os.WriteFile(secret, []byte(postgresPassword), 0o600); err != nil {
		return err
	}
	if p.user != nil {
		for _, path := range []string{p.home, secret} {
			if err := os.Chown(path, int(p.user.Uid), int(p.user.Gid)); err != nil {
				return err
			}
		}
	}
	cmd := p.command("initdb", "--pgdata", filepath.Join(p.home, "data"), "--username", postgresUser, "--pwfile", secret,
		"--auth", "scram-sha-256", "--locale", "C", "--encoding", "UTF8", "--no-sync")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, output)
	}
	if !p.place.Elsewhere() {
		return nil
	}
	// initdb lets in who comes by the loopback. Source: https://www.postgresql.org/docs/current/auth-pg-hba-conf.html
	hosts, err := os.OpenFile(filepath.Join(p.home, "data", "pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = hosts.WriteString("host all all samenet scram-sha-256\n")
	return errors.Join(err, hosts.Close())
}

func (p *PostgresServer) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, program), args...)
	cmd.Dir = p.home
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.Env = append(cmd.Env, p.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.user}
	endWithParent(cmd.SysProcAttr)
	return cmd
}

// Start starts the process and returns when it answers. It does nothing if it runs.
func (p *PostgresServer) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != nil {
		return nil
	}
	output, err := os.OpenFile(p.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer output.Close() // the process has its own
	host, port, err := net.SplitHostPort(p.Addr)
	if err != nil {
		return err
	}
	args := []string{"-D", filepath.Join(p.home, "data"), "-h", host, "-p", port, "-k", p.home}
	for _, arg := range p.args {
		args = append(args, "-c", arg)
	}
	cmd := p.command("postgres", args...)
	cmd.Stdout, cmd.Stderr = output, output
	if err := p.place.Start(cmd); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	r := &run{process: cmd.Process, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how a killed process ended says nothing
		close(r.ended)
	}()
	p.run = r
	if err := p.awaitAnswer(r); err != nil {
		p.kill()
		return fmt.Errorf("postgres: %w\n%s", err, p.Log())
	}
	return nil
}

// awaitAnswer waits until the server has recovered and lets users in.
func (p *PostgresServer) awaitAnswer(r *run) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		c, err := pgx.Connect(ctx, p.URL("postgres"))
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-r.ended:
			return errors.New("it ended instead of answering")
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// URL is that of a database on the server, for its owner.
func (p *PostgresServer) URL(database string) string { return p.URLVia(p.Addr, database) }

// URLVia is URL as seen through another address (host:port): that of a proxy in front of the server.
func (p *PostgresServer) URLVia(addr, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(postgresUser, postgresPassword), Host: addr, Path: "/" + database,
		RawQuery: "sslmode=disable"}
	return u.String()
}

// NewDatabase makes an empty database and returns its name. It is gone when the test ends.
func (p *PostgresServer) NewDatabase(t testing.TB) string {
	t.Helper()
	p.mu.Lock()
	p.dbs++
	name := fmt.Sprint("test", p.dbs)
	p.mu.Unlock()
	p.Exec(t, "postgres", `CREATE DATABASE `+name)
	t.Cleanup(func() {
		if p.Running() {
			p.Exec(t, "postgres", `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`)
		}
	})
	return name
}

// Exec runs a statement as the owner of everything.
func (p *PostgresServer) Exec(t testing.TB, database, statement string, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, p.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Running reports whether there is a process.
func (p *PostgresServer) Running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.run != nil
}

// Kill ends the server and everything it started at once (SIGKILL), as a failing machine would, and returns when it is
// gone. It does nothing if there is none.
func (p *PostgresServer) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kill()
}

func (p *PostgresServer) kill() {
	if p.run == nil {
		return
	}
	// Stopped, it starts no more processes while those that it has are ended.
	_ = p.run.process.Signal(syscall.SIGSTOP)
	children := p.children()
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = p.run.process.Kill()
	<-p.run.ended
	p.run = nil
	// The next server waits for none of them but refuses to start while one is left.
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if !anyLives(children) {
			return
		}
	}
}

// Stop ends the server in order, without waiting for its clients (SIGINT: a "fast shutdown"), and returns when it is gone.
func (p *PostgresServer) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return
	}
	_ = p.run.process.Signal(syscall.SIGINT)
	select {
	case <-p.run.ended:
		p.run = nil
	case <-time.After(patience):
		p.kill()
	}
}

// Pause makes the server hang: connections are accepted by the system and nobody answers, until Resume.
func (p *PostgresServer) Pause() { p.signal(syscall.SIGSTOP) }

// Resume ends Pause.
func (p *PostgresServer) Resume() { p.signal(syscall.SIGCONT) }

func (p *PostgresServer) signal(signal syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return
	}
	_ = p.run.process.Signal(signal)
	for _, pid := range p.children() {
		_ = syscall.Kill(pid, signal)
	}
}

// CPUTime is the processor time that the server and its processes that still live have used so far.
func (p *PostgresServer) CPUTime() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return 0
	}
	ticks := 0
	for _, pid := range append(p.children(), p.run.process.Pid) {
		if fields := stat(fmt.Sprintf("/proc/%d/stat", pid)); len(fields) > 13 {
			for _, field := range fields[12:14] { // user and system
				n, _ := strconv.Atoi(field)
				ticks += n
			}
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100 on Linux
}

// Log is the end of what the server has said.
func (p *PostgresServer) Log() string {
	output, _ := os.ReadFile(p.logFile())
	return string(output[max(0, len(output)-4000):])
}

func (p *PostgresServer) logFile() string { return filepath.Join(p.home, "log") }

// Remove ends the server and removes its data.
func (p *PostgresServer) Remove() {
	p.Kill()
	_ = os.RemoveAll(p.home) // what stays is in the directory for temporary files
}

// children are the processes that the server has started.
func (p *PostgresServer) children() []int {
	var pids []int
	parent := strconv.Itoa(p.run.process.Pid)
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		if fields := stat(path); len(fields) > 2 && fields[2] == parent {
			if pid, err := strconv.Atoi(fields[0]); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func anyLives(pids []int) bool {
	return slices.ContainsFunc(pids, func(pid int) bool {
		fields := stat(fmt.Sprintf("/proc/%d/stat", pid))
		return len(fields) > 1 && fields[1] != "Z" && fields[1] != "X"
	})
}

// stat reads what the kernel says of a process, without its name: number, state, parent and so on; nothing if it is
// gone. Source: proc(5): "4711 (name) S 1 ...".
func stat(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	number, rest, _ := strings.Cut(string(text), " (")
	return append([]string{number}, strings.Fields(rest[strings.LastIndexByte(rest, ')')+1:])...)
}
