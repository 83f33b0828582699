package services

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/network"
)

// patience is how long a server may take to start or to end: far more than it needs on a slow machine.
const patience = 60 * time.Second

// Server is one server process. Its methods may be called from any goroutine.
type Server struct {
	Addr string // host:port, the same after every Start
	Dir  string // what it keeps on disk; it finds it again after every Start

	place   network.Place
	command func() *exec.Cmd
	probe   string // a path that it answers, with whatever status, when it is ready
	// What is asked for probe, if that is not Addr, and whether the answer has to be 200.
	probeAddr string
	healthy   bool
	log       string // a file with its output

	mu  sync.Mutex // held while the process is started or ended
	run *run       // nil while there is none
}

// run is one life of the process.
type run struct {
	process *os.Process
	ended   chan struct{}
}

// newServer prepares a server, at a port of the place unless that is the loopback; the caller sets command and calls Start. It is killed when the test ends.
func newServer(t testing.TB, place network.Place, port, probe string) *Server {
	t.Helper()
	home := t.TempDir()
	s := &Server{Addr: place.Addr(t, port), Dir: filepath.Join(home, "data"), place: place, probe: probe, log: filepath.Join(home, "log")}
	s.probeAddr = s.Addr
	if err := os.Mkdir(s.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			output, _ := os.ReadFile(s.log)
			t.Logf("the output of the storage server ends with:\n%s", output[max(0, len(output)-4000):])
		}
	})
	return s
}

// Start starts the process and returns when it answers. It does nothing if it runs.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run != nil {
		return nil
	}
	output, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer output.Close() // the process has its own
	cmd := s.command()
	cmd.Stdout, cmd.Stderr = output, output
	if err := s.place.Start(cmd); err != nil {
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	r := &run{process: cmd.Process, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how a killed process ended says nothing
		close(r.ended)
	}()
	s.run = r
	if err := s.awaitAnswer(r); err != nil {
		s.end(syscall.SIGKILL)
		return fmt.Errorf("%s: %w", filepath.Base(cmd.Path), err)
	}
	return nil
}

// awaitAnswer waits until the server answers a request.
func (s *Server) awaitAnswer(r *run) error {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	deadline := time.Now().Add(patience)
	for {
		resp, err := client.Get("http://" + s.probeAddr + s.probe)
		if err == nil {
			resp.Body.Close()
			if !s.healthy || resp.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(resp.Status)
		}
		select {
		case <-r.ended:
			return errors.New("it ended instead of answering requests")
		case <-time.After(20 * time.Millisecond):
		}
		if s.healthy { // it logs each question
			time.Sleep(80 * time.Millisecond)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("it does not answer: %w", err)
		}
	}
}

// Kill ends the process at once (SIGKILL) and returns when it is gone. It does nothing if there is none.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(syscall.SIGKILL)
}

// Stop asks the process to end (SIGTERM) and returns when it is gone. It does nothing if there is none.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(syscall.SIGTERM)
}

// end ends the process that runs, with the lock held.
func (s *Server) end(signal os.Signal) {
	if s.run == nil {
		return
	}
	_ = s.run.process.Signal(signal) // fails if it has ended by itself
	select {
	case <-s.run.ended:
	case <-time.After(patience):
		_ = s.run.process.Kill()
		<-s.run.ended
	}
	s.run = nil
}

// Pause makes the server hang: connections are accepted by the system and nobody answers, until Resume.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal os.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run != nil {
		_ = s.run.process.Signal(signal)
	}
}
