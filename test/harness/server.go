package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/network"
)

// patience is how long anything may take that is expected to happen: far more than it needs on a slow machine.
const patience = 90 * time.Second

// Server is a `symphony dev` on a port and data directory of its own; it may be stopped and started again. The fields may
// be changed before Start.
type Server struct {
	Addr    string   // host:port
	Data    string   // data directory
	Command string   // dev, serve, room or proxy
	Program string   // path of the program; empty: Binary
	Env     []string // NAME=value, beside the environment of this process
	Place   network.Place
	Token   string // that requests to the management API bring; empty: none
	Front   string // host:port that clients connect to, such as that of a proxy; empty: Addr

	t    testing.TB
	args []string
	logs *logBuffer
	mu   sync.Mutex
	run  *run
}

// run is one life of the process.
type run struct {
	cmd  *exec.Cmd
	done chan struct{} // closed after the process ended
	err  error         // of Wait, valid after done
}

// NewServer prepares a server with further flags; Start starts it. It is killed when the test ends.
func NewServer(t testing.TB, flags ...string) *Server {
	t.Helper()
	return NewServerAt(t, network.Place{}, flags...)
}

// NewServerAt is NewServer at a place, where its port is 8080.
func NewServerAt(t testing.TB, place network.Place, flags ...string) *Server {
	t.Helper()
	s := &Server{
		Addr: place.Addr(t, "8080"), Place: place, Data: t.TempDir(), Command: "dev", t: t, args: flags, logs: &logBuffer{},
	}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("the server's output:\n%s", s.logs.String())
		}
	})
	return s
}

// StartServer starts a server and waits until it is ready.
func StartServer(t testing.TB, flags ...string) *Server {
	t.Helper()
	s := NewServer(t, flags...)
	s.Start()
	s.WaitReady()
	return s
}

// Start starts the process and does not wait for it.
func (s *Server) Start() {
	s.t.Helper()
	args := append([]string{s.Command, "--addr", s.Addr, "--data", s.Data, "--log-format", "json"}, s.args...)
	program := s.Program
	if program == "" {
		program = Binary(s.t)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(environment(), s.Env...)
	cmd.Stdout, cmd.Stderr = s.logs, s.logs
	cmd.WaitDelay = 5 * time.Second
	fmt.Fprintf(s.logs, "--- start\n")
	if err := s.Place.Start(cmd); err != nil {
		s.t.Fatalf("starting the server: %v", err)
	}
	r := &run{cmd: cmd, done: make(chan struct{})}
	go func() {
		r.err = cmd.Wait()
		close(r.done)
	}()
	s.mu.Lock()
	s.run = r
	s.mu.Unlock()
}

// environment is ours without the settings that a person may have in it.
func environment() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "SYMPHONY_") {
			env = append(env, e)
		}
	}
	return env
}

// WaitReady waits until /readyz answers 200.
func (s *Server) WaitReady() {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		if status, _, err := s.get("/readyz"); err == nil && status == http.StatusOK {
			return
		}
		select {
		case <-s.run.done:
			s.t.Fatalf("the server ended before it was ready: %v\n%s", s.run.err, s.logs.String())
		default:
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the server is not ready after %s", patience)
		}
		time.Sleep(3 * time.Millisecond)
	}
}

// Kill ends the process with SIGKILL, at once. It does nothing if none is running.
func (s *Server) Kill() {
	s.mu.Lock()
	r := s.run
	s.run = nil
	s.mu.Unlock()
	if r == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	<-r.done
}

// AskToEnd sends SIGTERM and does not wait.
func (s *Server) AskToEnd() { _ = s.run.cmd.Process.Signal(syscall.SIGTERM) }

// Terminate sends SIGTERM and returns the exit code.
func (s *Server) Terminate() int {
	s.t.Helper()
	s.mu.Lock()
	r := s.run
	s.run = nil
	s.mu.Unlock()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatalf("sending SIGTERM: %v", err)
	}
	select {
	case <-r.done:
	case <-time.After(patience):
		_ = r.cmd.Process.Kill()
		s.t.Fatalf("the server did not end within %s after SIGTERM", patience)
	}
	return r.cmd.ProcessState.ExitCode()
}

// WaitExit waits until the process ends by itself and returns its exit code and its whole output.
func (s *Server) WaitExit() (int, string) {
	s.t.Helper()
	select {
	case <-s.run.done:
	case <-time.After(patience):
		s.t.Fatalf("the server did not end by itself within %s", patience)
	}
	return s.run.cmd.ProcessState.ExitCode(), s.logs.String()
}

// Logs is everything the process has printed.
func (s *Server) Logs() string { return s.logs.String() }

// WebSocketURL is what y-websocket clients connect to; the room is appended.
func (s *Server) WebSocketURL() string {
	if s.Front != "" {
		return "ws://" + s.Front + "/rooms"
	}
	return "ws://" + s.Addr + "/rooms"
}

// Get asks for a path of the management API and fails the test if the answer is not 200.
func (s *Server) Get(path string) []byte {
	s.t.Helper()
	status, body, err := s.get(path)
	if err != nil {
		s.t.Fatalf("GET %s: %v", path, err)
	}
	if status != http.StatusOK {
		s.t.Fatalf("GET %s: status %d: %s", path, status, body)
	}
	return body
}

// TryGet asks for a path and returns the status, whatever it is.
func (s *Server) TryGet(path string) (int, []byte, error) { return s.get(path) }

// Update is a room's whole state; format is v1 or v2. The room's id is escaped.
func (s *Server) Update(room, format string) []byte {
	s.t.Helper()
	return s.Get("/v1/rooms/" + url.PathEscape(room) + "/update?format=" + format)
}

// Document is the JSON view of a room.
func (s *Server) Document(room string) []byte {
	s.t.Helper()
	return s.Get("/v1/rooms/" + url.PathEscape(room) + "/document")
}

var client = http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}

func (s *Server) get(path string) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr+path, nil)
	if err != nil {
		return 0, nil, err
	}
	if s.Token != "" {
		req.Header.Set("Authorization", "Bearer "+s.Token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, body, errors.Join(err, resp.Body.Close())
}

// logBuffer keeps the end of what processes print.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const logKept = 256 << 10

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Write(p)
	if extra := l.buf.Len() - logKept; extra > logKept {
		l.buf.Next(extra)
	}
	return len(p), nil
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
