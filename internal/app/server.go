package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/symphony-rtc/symphony/internal/admin"
	"github.com/symphony-rtc/symphony/internal/link"
)

// Server is a running Symphony server, in whatever role.
type Server struct {
	log    *slog.Logger
	health *admin.Health
	http   *http.Server
	links  *link.Listener // of a host whose clients come through proxies; nil for others
	places Places
	failed chan error
	closed chan struct{} // the listener's goroutine ended
	done   <-chan struct{}
	lost   <-chan struct{} // closed when something is lost without which there is no use in going on; why says what
	why    func() error

	// drain lets go of everything in the right order; finish frees the rest, when no requests are answered any more.
	drain, finish func(ctx context.Context) error
	// reachable keeps the address while draining: who asks is told to go elsewhere, instead of taking the server for dead.
	reachable bool
}

// lastWords is how long a server that lost its store takes to tell its members.
const lastWords = time.Second

// newServer returns a server for requests to handler; serve starts it.
func newServer(handler http.Handler, health *admin.Health, log *slog.Logger) *Server {
	return &Server{
		log: log, health: health, failed: make(chan error, 2), closed: make(chan struct{}),
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 10 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
	}
}

func (s *Server) serve(listener net.Listener) {
	go func() {
		select {
		case <-s.lost:
			s.failed <- s.why()
		case <-s.closed:
		}
	}()
	if s.links != nil {
		go func() { _ = s.http.Serve(s.links) }() // until it is closed, like the listener
	}
	go func() {
		defer close(s.closed)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("accept connections: %w", err)
		}
	}()
}

// Places says where the server's parts are.
func (s *Server) Places() Places { return s.places }

// Failed delivers an error if the server stops by itself.
func (s *Server) Failed() <-chan error { return s.failed }

// Done is closed when the server has nothing more to do: the only room of a host for one room has closed. It is to be shut down
// then. Nil for servers that go on until they are told to end.
func (s *Server) Done() <-chan struct{} { return s.done }

// Shutdown ends the server without losing anything: members are sent away with a transient close code, what is not stored is
// stored, the store is closed. When ctx is over it stops waiting, and the error says what was left; whatever was acknowledged is
// in the journal even then.
func (s *Server) Shutdown(ctx context.Context) error {
	began := time.Now()
	s.log.Info("shutting down")
	select {
	case <-s.lost: // nothing can be stored any more
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, lastWords)
		defer cancel()
	default:
	}
	s.health.Drain()
	requests := make(chan error, 1)
	end := func() { requests <- s.http.Shutdown(ctx) } // gives the address back at once, then waits for requests to end
	if !s.reachable {
		go end()
	}
	err := s.drain(ctx)
	if s.reachable {
		end()
	}
	if <-requests != nil {
		err = errors.Join(err, s.http.Close()) // slow requests: cut off
	}
	<-s.closed
	if s.links != nil {
		s.links.End()
	}
	err = errors.Join(err, s.finish(ctx))
	s.log.Info("shut down", "took", time.Since(began).Round(time.Millisecond), "complete", err == nil)
	return err
}
