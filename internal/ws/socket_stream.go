package ws

import (
	"net"
	"sync"
	"time"
)

// streamSocket is a socket on any net.Conn, such as TLS. It costs more: a read buffer while it waits, a copy of what is
// written, and a goroutine while a write is under way.
type streamSocket struct {
	nc net.Conn

	mu       sync.Mutex
	idle     sync.Cond // no write is under way, or closed
	writing  *Buffer   // what is being written, nil if nothing
	err      error     // of the last write
	shutdown bool      // CloseWrite was called during a write
	closed   bool
}

func newStreamSocket(nc net.Conn) *streamSocket {
	s := &streamSocket{nc: nc}
	s.idle.L = &s.mu
	return s
}

func (s *streamSocket) Read(into Intake) error {
	into.Park()
	n, err := s.nc.Read(into.Space())
	into.Filled(n)
	if n > 0 {
		return nil // an error will come again
	}
	return err
}

// write takes one piece at a time and is full while it is being written.
func (s *streamSocket) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	if s.writing != nil || len(p) == 0 {
		return 0, nil
	}
	s.writing = GetBuffer(min(len(p), 64<<10))
	n := copy(s.writing.B, p)
	go s.writeOut(s.writing.B[:n])
	return n, nil
}

func (s *streamSocket) writeOut(p []byte) {
	_, err := s.nc.Write(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	PutBuffer(s.writing)
	s.writing, s.err = nil, err
	if s.shutdown {
		s.shutdownWrite()
	}
	s.idle.Broadcast()
}

func (s *streamSocket) WhenWritable(step func() bool) {
	for {
		s.mu.Lock()
		for s.writing != nil && !s.closed {
			s.idle.Wait()
		}
		closed := s.closed
		s.mu.Unlock()
		if closed || step() {
			return
		}
	}
}

func (s *streamSocket) ReadDeadline(t time.Time) { _ = s.nc.SetReadDeadline(t) }

func (s *streamSocket) WriteDeadline(t time.Time) { _ = s.nc.SetWriteDeadline(t) }

// AwaitHangUp cannot look at what comes without reading it.
func (s *streamSocket) AwaitHangUp() bool { return false }

func (s *streamSocket) CloseWrite() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shutdown = true
	if s.writing == nil {
		s.shutdownWrite()
	}
}

func (s *streamSocket) shutdownWrite() {
	if c, ok := s.nc.(interface{ CloseWrite() error }); ok {
		go func() { _ = c.CloseWrite() }() // for TLS this writes, and may wait
	}
}

func (s *streamSocket) Close(bool) {
	_ = s.nc.Close() // ends a write that is under way
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for s.writing != nil {
		s.idle.Wait()
	}
	s.idle.Broadcast()
}
