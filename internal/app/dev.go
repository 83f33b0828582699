package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/symphony-rtc/symphony/examples/whiteboard"
	"github.com/symphony-rtc/symphony/internal/admin"
	"github.com/symphony-rtc/symphony/internal/gateway"
	"github.com/symphony-rtc/symphony/internal/manage"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/telemetry"
)

// StartDev starts a server for development: with the demo page, and open to pages of localhost. It returns when connections
// are accepted. ctx bounds the start.
func StartDev(ctx context.Context, config Config, log *slog.Logger, version string) (*Server, error) {
	return start(ctx, config, log, version, true)
}

// StartServe is StartDev without what is for development only.
func StartServe(ctx context.Context, config Config, log *slog.Logger, version string) (*Server, error) {
	return start(ctx, config, log, version, false)
}

func start(ctx context.Context, config Config, log *slog.Logger, version string, development bool) (*Server, error) {
	// The address first: it is what most often is not to be had, and taking it changes nothing. Who connects while the
	// store recovers waits in the listener's queue.
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", config.Addr)
	if err != nil {
		return nil, listenError(config.Addr, err)
	}
	metrics := telemetry.NewMetrics(version)
	stored, closeStore, err := openStore(ctx, config, metrics, log)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	host := room.NewHost(stored, room.Options{
		Grace:         max(config.Room.Grace, 1), // 0 would mean the default
		SnapshotEvery: config.Room.Snapshot,
		MaxDocument:   int(config.Limits.Document),
		MaxMembers:    config.Limits.RoomMembers,
		MaxRooms:      config.Limits.Rooms,
		MaxBacklog:    int(config.Limits.Backlog),
		MaxWaiting:    int(config.Limits.Waiting),
		MaxMessage:    int(config.Limits.Message),
		Logger:        log,
		Observer:      metrics,
		Visits:        visits{stored},
	})
	edge := gateway.New(gateway.Rooms(host), gateway.Options{
		MaxMessage:        int(config.Limits.Message),
		MaxMessageRate:    config.Limits.MessageRate,
		MaxConnections:    config.Limits.Connections,
		MaxBacklog:        int(config.Limits.Queue),
		PingEvery:         config.Ping.Interval,
		AllowedOrigins:    config.Origins,
		AllowLocalOrigins: development,
		Logger:            log,
	})
	countRooms(metrics, host)
	metrics.Gauge("symphony_journal_backlog_bytes", "Bytes of updates that are relayed and not yet durable.", func() float64 {
		return float64(stored.Backlog())
	})
	countConnections(metrics, edge)
	health := admin.NewHealth()
	health.Check("storage", host.Health)
	health.Check("catalog", (&reachable{rooms: stored}).check)

	known := func(h http.Handler) http.Handler { return admin.LocalHosts(h, originHosts(config.Origins)) }
	loopback := listensOnLoopback(listener.Addr())
	api := admin.NewAPI(host, manage.New(host, stored), log, admin.Options{
		Token: config.Admin.Token, ReadOnly: !loopback && config.Admin.Token == "", MaxUpdate: int64(config.Limits.Message), Version: version,
	})
	if !loopback {
		if config.Admin.Token == "" {
			log.Warn("the management API asks for no authentication: whoever reaches this address can read all rooms; "+
				"set admin.token", "addr", config.Addr)
		}
		known = func(h http.Handler) http.Handler { return h }
	}
	page := http.NotFoundHandler()
	if development {
		page = whiteboard.Handler()
	}
	server := &Server{
		log: log, health: health, gateway: edge, host: host, closeStore: closeStore,
		places: placesAt(listener.Addr(), config.Storage.where(config.Data), version, development),
		failed: make(chan error, 1), closed: make(chan struct{}),
	}
	server.http = &http.Server{
		Handler: routes{
			rooms:   known(edge), // which has an origin policy of its own
			api:     known(admin.SameOrigin(api)),
			metrics: known(admin.SameOrigin(metrics.Handler())),
			health:  health,
			page:    page,
		},
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	go server.serve(listener)
	return server, nil
}

// Server is a running Symphony server.
type Server struct {
	log        *slog.Logger
	health     *admin.Health
	http       *http.Server
	gateway    *gateway.Gateway
	host       *room.Host
	closeStore func() error
	places     Places
	failed     chan error
	closed     chan struct{} // the listener's goroutine ended
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
// close code, stores what is not stored and closes the store. When ctx is over it stops waiting, and the error says
// what was left; whatever was acknowledged is in the journal even then.
func (s *Server) Shutdown(ctx context.Context) error {
	began := time.Now()
	s.log.Info("shutting down: members are told to reconnect")
	s.health.Drain()
	requests := make(chan error, 1)
	go func() { requests <- s.http.Shutdown(ctx) }() // closes the listener at once, then waits for requests to end

	// Members leave before their rooms are stored, rooms are stored before the store is closed.
	err := s.gateway.Drain(ctx)
	err = errors.Join(err, s.host.Close(ctx))
	if e := <-requests; e != nil {
		err = errors.Join(err, s.http.Close()) // slow requests: cut off
	}
	<-s.closed
	err = errors.Join(err, s.closeStore())
	s.log.Info("shut down", "took", time.Since(began).Round(time.Millisecond), "complete", err == nil)
	return err
}
