package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"github.com/symphony-rtc/symphony/internal/admin"
	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/kubernetes"
	"github.com/symphony-rtc/symphony/internal/cluster/placement"
	"github.com/symphony-rtc/symphony/internal/cluster/pool"
	"github.com/symphony-rtc/symphony/internal/proxy"
	"github.com/symphony-rtc/symphony/internal/telemetry"
)

// StartProxy starts a front door of a cluster: it brings connections to the hosts of their rooms.
func StartProxy(ctx context.Context, config Config, log *slog.Logger, version string) (_ *Server, err error) {
	if config.Cluster.Registry == "" {
		return nil, errNoRegistry
	}
	var undo cleanup
	defer undo.unless(&err)
	registry, err := openRegistry(ctx, config, log)
	if err != nil {
		return nil, err
	}
	undo.add(registry.Close)
	var orchestrator cluster.Orchestrator
	if config.Cluster.Deployment != "" {
		orchestrator, err = kubernetes.NewOrchestrator(kubernetes.Options{Deployment: config.Cluster.Deployment, Capacity: config.Cluster.Capacity})
		if err != nil {
			return nil, err
		}
	}
	server, err := startFront(ctx, config, log, telemetry.NewMetrics(version), version, registry, orchestrator)
	if err != nil {
		return nil, err
	}
	server.places.Registry = withoutPassword(config.Cluster.Registry)
	server.finish = func(context.Context) error { return registry.Close() }
	return server, nil
}

// startFront starts a proxy to the hosts that a registry knows. orchestrator may be nil: then hosts come and go by themselves.
func startFront(ctx context.Context, config Config, log *slog.Logger, metrics *telemetry.Metrics, version string, registry cluster.Registry, orchestrator cluster.Orchestrator) (_ *Server, err error) {
	listener, err := listen(ctx, config.Addr)
	if err != nil {
		return nil, err
	}
	var undo cleanup
	defer undo.unless(&err)
	undo.add(listener.Close)

	watching, stopWatching := context.WithCancel(context.Background())
	view := cluster.NewView(watching, registry)
	var sizing sync.WaitGroup
	stop := func() {
		stopWatching()
		<-view.Done()
		sizing.Wait()
	}
	undo.add(func() error { stop(); return nil })
	table := placement.New(placement.Options{})
	view.OnHost(func(h cluster.Host, gone bool) {
		if gone {
			table.Remove(h.ID)
		} else {
			table.Set(h)
		}
	})
	need := func() {}
	var sizer *pool.Runner
	var edge *proxy.Proxy
	if orchestrator != nil {
		sizer = pool.NewRunner(pool.Options{
			View: view, Orchestrator: orchestrator, Logger: log, Waiting: func() int { return edge.Stats().WaitingRooms },
			Bounds: pool.Bounds{
				Capacity: config.Cluster.Capacity, MinFree: config.Cluster.Free, MaxFree: config.Cluster.FreeMost, MaxTotal: config.Cluster.Hosts,
			},
		})
		need = sizer.Need
	}
	edge = proxy.New(proxy.Deps{Registry: registry, View: view, Place: table, Need: need}, proxy.Options{
		MaxConnections: config.Limits.Connections,
		MaxWaiting:     config.Limits.RoomMembers,
		AllowedOrigins: config.Origins,
		Logger:         log,
	})
	if sizer != nil {
		sizing.Go(func() { sizer.Run(watching) })
	}

	countProxied(metrics, edge)
	health := admin.NewHealth()
	health.Check("registry", synced(view))
	private, known := access(config, listener.Addr(), log)
	who := admin.Options{Token: config.Admin.Token, ReadOnly: !private && config.Admin.Token == ""}
	hosts := admin.Hosts(view.Hosts, who)
	hostOf := func(room string) (string, bool) {
		host, ok := view.Owner(room)
		return host.ID, ok
	}
	forward := admin.Permit(admin.Located(edge.Management(), hostOf), who)
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == admin.HostsPath {
			hosts.ServeHTTP(w, r)
			return
		}
		forward.ServeHTTP(w, r)
	})
	server := newServer(routes{
		rooms:   known(edge),
		api:     known(admin.SameOrigin(api)),
		metrics: known(admin.SameOrigin(metrics.Handler())),
		health:  health,
		page:    http.NotFoundHandler(),
	}, health, log)
	server.places = placesAt(listener.Addr(), "", version, false)
	server.drain = func(ctx context.Context) error {
		err := edge.Drain(ctx)
		stop()
		return err
	}
	server.finish = func(context.Context) error { return nil }
	server.serve(listener)
	return server, nil
}

// synced is a health check: whether the view has been told everything once.
func synced(view *cluster.View) func() error {
	return func() error {
		select {
		case <-view.Synced():
			return nil
		default:
			return errors.New("the registry has not told yet which hosts there are")
		}
	}
}
