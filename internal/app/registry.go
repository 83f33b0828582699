package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/etcd"
	"github.com/symphony-rtc/symphony/internal/cluster/memory"
	"github.com/symphony-rtc/symphony/internal/cluster/socket"
)

var errNoRegistry = errors.New("setting cluster.registry: a host or proxy of a cluster needs to know where the others are: " +
	"write for example etcd://127.0.0.1:2379 (or run `symphony serve`, which needs no cluster)")

// openRegistry opens the registry that the configuration names, or one of this process alone.
func openRegistry(ctx context.Context, config Config, log *slog.Logger) (cluster.Registry, error) {
	where := config.Cluster.Registry
	scheme, _, _ := strings.Cut(where, ":")
	switch scheme {
	case "":
		return memory.New(), nil
	case "unix": // of the supervisor, see startSupervisor
		return socket.Dial(ctx, where)
	case "etcd", "etcds":
		o, err := etcdAt(where)
		if err != nil {
			return nil, err
		}
		o.TTL, o.Logger = config.Cluster.Lease, log
		if scheme == "etcds" {
			if o.TLS, err = etcdTLS(config.Cluster); err != nil {
				return nil, err
			}
		}
		return openEtcd(ctx, o, log)
	}
	return nil, fmt.Errorf("setting cluster.registry: %s is no kind of registry that is known; write for example etcd://host:2379", scheme)
}

// etcdPatience is how long a process that starts waits for etcd, which may just be away.
const etcdPatience = 30 * time.Second

// openEtcd connects to etcd and tries again while it does not answer.
func openEtcd(ctx context.Context, o etcd.Options, log *slog.Logger) (cluster.Registry, error) {
	for end := time.Now().Add(etcdPatience); ; {
		began := time.Now()
		registry, err := etcd.Open(ctx, o)
		if err == nil {
			return registry, nil
		}
		if ctx.Err() != nil || time.Now().After(end) {
			return nil, err
		}
		log.Warn("the registry does not answer; trying again", "error", err)
		select {
		case <-time.After(time.Until(began.Add(time.Second))): // it may have taken its time already
		case <-ctx.Done():
			return nil, err
		}
	}
}

// etcdTLS is how etcd is known, and this process to it.
func etcdTLS(c Cluster) (*tls.Config, error) {
	conf := &tls.Config{}
	if c.CA != "" {
		text, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("setting cluster.ca: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("setting cluster.ca: %s has no certificate in the PEM format", c.CA)
		}
	}
	if c.Cert != "" || c.Key != "" {
		own, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, fmt.Errorf("settings cluster.cert and cluster.key: %w", err)
		}
		conf.Certificates = []tls.Certificate{own}
	}
	return conf, nil
}

// selfAt is what a host tells others about itself.
func selfAt(config Config, listening net.Addr, version string) (cluster.Host, error) {
	address := config.Cluster.Advertise
	if address == "" {
		var err error
		if address, err = reachableAt(listening); err != nil {
			return cluster.Host{}, err
		}
	}
	id := config.Cluster.ID
	if id == "" {
		name, err := os.Hostname()
		if err != nil {
			name = "host"
		}
		id = name + "-" + strings.ToLower(rand.Text()[:8])
	}
	return cluster.Host{
		ID: id, Address: address, Zone: config.Cluster.Zone, Version: version,
		Capacity: config.Limits.Rooms, Started: time.Now(),
	}, nil
}

// reachableAt is how others reach an address that is listened on.
func reachableAt(listening net.Addr) (string, error) {
	tcp, ok := listening.(*net.TCPAddr)
	if !ok {
		return "unix:" + listening.String(), nil
	}
	if !tcp.IP.IsUnspecified() {
		return tcp.String(), nil
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return "", fmt.Errorf("find out how others reach this machine: %w; set cluster.advertise", err)
	}
	own := net.IPv4(127, 0, 0, 1)
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			own = n.IP
			break
		}
	}
	return (&net.TCPAddr{IP: own, Port: tcp.Port}).String(), nil
}

// listen takes the address that a server is to be reached at: host:port, or unix:/path.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	network := "tcp"
	path, unix := strings.CutPrefix(addr, "unix:")
	if unix {
		network, addr = "unix", path
	}
	listener, err := new(net.ListenConfig).Listen(ctx, network, addr)
	if err != nil {
		return nil, listenError(addr, err)
	}
	return listener, nil
}
