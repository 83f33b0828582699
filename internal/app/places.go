package app

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// Places are where a server's parts can be found, for people.
type Places struct {
	Version   string
	Address   string // that is listened on, host:port; "" if the server is none of people's business
	Page      string // URL of the demo page, "" if there is none
	WebSocket string // URL of rooms, for a provider
	Rooms     string // URL of the management API
	Metrics   string // URL for Prometheus
	Data      string // what rooms are kept in, "" for a proxy
	Registry  string // where a proxy finds the hosts, "" if that is in this process
}

// placesAt names the places of a server at addr. A server on all addresses is best reached by name, and the process of a room
// not at all: only its supervisor has to do with it.
func placesAt(addr net.Addr, data, version string, page bool) Places {
	if _, unix := addr.(*net.UnixAddr); unix {
		return Places{}
	}
	host, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	at := net.JoinHostPort(host, port)
	places := Places{
		Version:   version,
		Address:   addr.String(),
		WebSocket: "ws://" + at + "/rooms/{room}",
		Rooms:     "http://" + at + "/v1/rooms",
		Metrics:   "http://" + at + "/metrics",
		Data:      data,
	}
	if page {
		places.Page = "http://" + at + "/"
	}
	return places
}

// listensOnLoopback reports whether only this machine reaches an address.
func listensOnLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// originHosts are the hosts (with their ports, if any) of the origins that are spelt out.
func originHosts(origins []string) []string {
	var hosts []string
	for _, origin := range origins {
		if _, host, full := strings.Cut(origin, "://"); full && !strings.Contains(host, "*") {
			hosts = append(hosts, host)
		}
	}
	return hosts
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
