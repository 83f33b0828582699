package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"syscall"
	"time"

	"github.com/symphony-rtc/symphony/internal/admin"
)

// Server is a running Symphony server.
type Server struct {
	log    *slog.Logger
	http   *http.Server
	health *admin.Health
	places Places
	failed chan error
	closed chan struct{} // the listener's goroutine ended
}

// Places are where a server's parts can be found, for people.
type Places struct {
	Version   string
	Page      string // URL of the demo page
	WebSocket string // URL of rooms, for a provider
	Rooms     string // URL of the management API
	Metrics   string // URL for Prometheus
	Data      string // directory of the store
}

// StartDev starts a server with everything embedded. It returns when connections are accepted. ctx bounds the start.
func StartDev(ctx context.Context, config Config, log *slog.Logger, version string) (*Server, error) {
	data, err := filepath.Abs(config.Data)
	if err != nil {
		return nil, fmt.Errorf("find the data directory: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", config.Addr)
	if err != nil {
		return nil, listenError(config.Addr, err)
	}
	health := admin.NewHealth()
	server := &Server{
		log:    log,
		health: health,
		places: placesAt(listener.Addr(), data, version),
		failed: make(chan error, 1),
		closed: make(chan struct{}),
	}
	server.http = &http.Server{
		Handler:           routes{health: health},
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go server.serve(listener)
	return server, nil
}

func (s *Server) serve(listener net.Listener) {
	defer close(s.closed)
	if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		s.failed <- fmt.Errorf("accept connections: %w", err)
	}
}

// Places says where the server's parts are.
func (s *Server) Places() Places { return s.places }

// Failed delivers an error if the server stops by itself.
func (s *Server) Failed() <-chan error { return s.failed }

// Shutdown ends the server without losing anything: it takes no more connections, sends members away with a transient
// close code, stores what is not stored and closes the store. It returns an error if that took longer than ctx or failed.
func (s *Server) Shutdown(ctx context.Context) error {
	s.health.Drain()
	err := s.http.Shutdown(ctx)
	<-s.closed
	return err
}

// listenError says what to do about an address that cannot be listened on.
func listenError(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use by another program: stop it, or choose another address with --addr", addr)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("listening on %s is not permitted: choose a port above 1023 with --addr", addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s is no address of this machine: choose another with --addr, such as 127.0.0.1:8080", addr)
	}
	return fmt.Errorf("listen on %s: %w", addr, err)
}

// placesAt names the places of a server at addr. A server on all addresses is best reached by name.
func placesAt(addr net.Addr, data, version string) Places {
	host, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	at := net.JoinHostPort(host, port)
	return Places{
		Version:   version,
		Page:      "http://" + at + "/",
		WebSocket: "ws://" + at + "/rooms/{room}",
		Rooms:     "http://" + at + "/v1/rooms",
		Metrics:   "http://" + at + "/metrics",
		Data:      data,
	}
}
