package harness

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// Running reports whether there is a process that has not ended.
func (s *Server) Running() bool {
	r := s.current()
	if r == nil {
		return false
	}
	select {
	case <-r.done:
		return false
	default:
		return true
	}
}

// Pause makes the process stand still (SIGSTOP) until Resume, as a machine does that is overloaded or being moved. It does
// nothing if none is running.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal os.Signal) {
	if r := s.current(); r != nil {
		_ = r.cmd.Process.Signal(signal) // fails if it has ended by itself
	}
}

func (s *Server) current() *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run
}

// Memory is what the process has in memory now, in bytes (VmRSS of proc(5)); an error if there is no process.
func (s *Server) Memory() (int, error) {
	r := s.current()
	if r == nil {
		return 0, os.ErrProcessDone
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if fields := bytes.Fields(line); len(fields) == 3 && string(fields[0]) == "VmRSS:" {
			kilobytes, err := strconv.Atoi(string(fields[1]))
			return kilobytes << 10, err
		}
	}
	return 0, os.ErrProcessDone
}
