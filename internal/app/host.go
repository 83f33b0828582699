package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"github.com/symphony-rtc/symphony/examples/whiteboard"
	"github.com/symphony-rtc/symphony/internal/admin"
	"github.com/symphony-rtc/symphony/internal/cluster/member"
	"github.com/symphony-rtc/symphony/internal/gateway"
	"github.com/symphony-rtc/symphony/internal/link"
	"github.com/symphony-rtc/symphony/internal/manage"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/telemetry"
	"github.com/symphony-rtc/symphony/internal/ws"
)

// StartDev starts a server for development: with the demo page, and open to pages of localhost. It returns when connections
// are accepted. ctx bounds the start.
func StartDev(ctx context.Context, config Config, log *slog.Logger, version string) (*Server, error) {
	return startHost(ctx, config, log, version, hostRole{page: true})
}

// StartServe is StartDev without what is for development only.
func StartServe(ctx context.Context, config Config, log *slog.Logger, version string) (*Server, error) {
	if config.Cluster.Isolation == IsolationProcess {
		return startSupervisor(ctx, config, log, version)
	}
	return startHost(ctx, config, log, version, hostRole{})
}

// StartRoom starts a host of a cluster: it serves up to config.Cluster.Capacity rooms to proxies.
func StartRoom(ctx context.Context, config Config, log *slog.Logger, version string) (*Server, error) {
	if config.Cluster.Registry == "" {
		return nil, errNoRegistry
	}
	config.Limits.Rooms = config.Cluster.Capacity
	return startHost(ctx, config, log, version, hostRole{clustered: true})
}

// hostRole is what differs between hosts.
type hostRole struct {
	page      bool // for development
	clustered bool // proxies are its clients, and other hosts take over from it
}

func startHost(ctx context.Context, config Config, log *slog.Logger, version string, role hostRole) (_ *Server, err error) {
	// The address first: it is what most often is not to be had, and taking it changes nothing. Who connects while the
	// store recovers waits in the listener's queue.
	listener, err := listen(ctx, config.Addr)
	if err != nil {
		return nil, err
	}
	var undo cleanup
	defer undo.unless(&err)
	undo.add(listener.Close)

	metrics := telemetry.NewMetrics(version)
	stored, err := openStore(ctx, config, metrics, log)
	if err != nil {
		return nil, err
	}
	undo.add(stored.close)
	registry, err := openRegistry(ctx, config, log)
	if err != nil {
		return nil, err
	}
	undo.add(registry.Close)
	self, err := selfAt(config, listener.Addr(), version)
	if err != nil {
		return nil, err
	}
	pod, err := podOf(role.clustered, log)
	if err != nil {
		return nil, err
	}
	seat := member.New(registry, self, member.Options{
		Load: newBusyness().load, Once: role.clustered && config.Cluster.Capacity == 1, OnFirst: pod.claimed, Logger: log,
	})
	host := room.NewHost(stored.Store, room.Options{
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
		Visits:        visits{stored.Store},
		Claims:        seat,
	})
	edgeOptions := gateway.Options{
		MaxMessage:        int(config.Limits.Message),
		MaxMessageRate:    config.Limits.MessageRate,
		MaxConnections:    config.Limits.Connections,
		MaxBacklog:        int(config.Limits.Queue),
		PingEvery:         config.Ping.Interval,
		AllowedOrigins:    config.Origins,
		AllowLocalOrigins: role.page,
		Logger:            log,
		ProcessorTime:     telemetry.ProcessorTime,
	}
	if role.clustered {
		edgeOptions.AllowedOrigins = []string{"*"} // the proxy has looked
		edgeOptions.DrainSpread = -1               // clients do not notice
	}
	edge := gateway.New(gateway.Rooms(host), edgeOptions)
	undo.add(func() error { return edge.Drain(context.Background()) })
	undo.add(func() error { return host.Close(context.Background()) })

	countRooms(metrics, host)
	metrics.Gauge("symphony_journal_backlog_bytes", "Bytes of updates that are relayed and not yet durable.", func() float64 {
		return float64(stored.Backlog())
	})
	countConnections(metrics, edge)
	health := admin.NewHealth()
	health.Check("storage", host.Health)
	health.Check("catalog", (&reachable{rooms: stored.Store}).check)

	private, known := access(config, listener.Addr(), log)
	if role.clustered {
		known = func(h http.Handler) http.Handler { return h } // the proxy has looked
	}
	var move func(ctx context.Context, id, to string) error
	name := "" // as the management API tells it
	if role.clustered {
		move, name = seat.Move, self.ID
	}
	api := admin.NewAPI(host, manage.New(host, stored.Store), log, admin.Options{
		Token: config.Admin.Token, ReadOnly: !private && config.Admin.Token == "", MaxUpdate: int64(config.Limits.Message), Version: version,
		Host: name, Move: move,
	})
	page := http.NotFoundHandler()
	if role.page {
		page = whiteboard.Handler()
	}
	paths := routes{
		rooms:   known(edge), // which has an origin policy of its own
		api:     known(admin.SameOrigin(api)),
		metrics: known(admin.SameOrigin(metrics.Handler())),
		health:  health,
		page:    page,
	}
	var links *link.Listener
	if role.clustered {
		links = link.Listen(listener.Addr())
		paths.links = links
	}
	var handler http.Handler = paths
	if role.clustered { // the registry may still name a host that had this address before
		handler = ws.Addressed(handler, self.ID)
	}
	server := newServer(handler, health, log)
	server.links = links
	if !role.clustered { // proxies find it, not people
		server.places = placesAt(listener.Addr(), config.Storage.where(config.Data), version, role.page)
	}
	server.done, server.reachable = seat.Done(), role.clustered
	server.drain = func(ctx context.Context) error {
		var err error
		if role.clustered {
			// Room by room, and each gets a new host as soon as it is stored.
			err = seat.Drain(ctx)
		}
		// Members leave before their rooms are stored, rooms are stored before the store is closed.
		return errors.Join(err, edge.Drain(ctx), host.Close(ctx), seat.Leave(ctx))
	}
	server.finish = func(ctx context.Context) error {
		done := false
		select {
		case <-seat.Done():
			done = true
		default:
		}
		return errors.Join(stored.close(), registry.Close(), pod.finish(ctx, done))
	}
	server.lost, server.why = stored.lost, stored.why
	server.serve(listener)
	// Now that it can serve, others may know of it.
	if err := seat.Join(ctx, host); err != nil {
		server.http.Close()
		<-server.closed
		if links != nil {
			links.End()
		}
		return nil, err
	}
	pod.start()
	if role.clustered {
		log.Info("this host is ready for rooms", "id", self.ID, "address", self.Address, "capacity", self.Capacity, "version", version)
	}
	return server, nil
}

// access says whether only this machine, or this user, reaches an address, and how requests there are looked at.
func access(config Config, addr net.Addr, log *slog.Logger) (private bool, known func(http.Handler) http.Handler) {
	if _, is := addr.(*net.UnixAddr); is {
		return true, func(h http.Handler) http.Handler { return h }
	}
	if listensOnLoopback(addr) {
		return true, func(h http.Handler) http.Handler { return admin.LocalHosts(h, originHosts(config.Origins)) }
	}
	if config.Admin.Token == "" {
		log.Warn("the management API asks for no authentication: whoever reaches this address can read all rooms; set admin.token",
			"addr", config.Addr)
	}
	return false, func(h http.Handler) http.Handler { return h }
}
