package admin

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// LocalHosts refuses requests for a host that is neither this machine nor one of hosts. A server that listens on a loopback
// address only is asked for other names by pages whose name was rebound to 127.0.0.1, which makes them the same origin.
func LocalHosts(next http.Handler, hosts []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !thisMachine(r.Host) && !slices.Contains(hosts, r.Host) {
			writeError(w, http.StatusForbidden, "host_not_allowed",
				"this server answers only requests for localhost: ask for 127.0.0.1, or add the origin to the setting origins")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// SameOrigin refuses requests that a page of another origin makes through a visitor's browser. Programs that are no
// browsers are not concerned, and nobody is authenticated here.
func SameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !sameOrigin(r) {
			writeError(w, http.StatusForbidden, "cross_origin", "pages of other origins may not read this")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// thisMachine reports whether a Host header names the machine itself: localhost or a loopback address.
func thisMachine(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil && ip.Unmap().IsLoopback()
}

// sameOrigin reports whether a request comes from this server's own pages, from the address bar or a link, or from
// no browser at all. Browsers say so in Sec-Fetch-Site (W3C Fetch Metadata), older ones only in Origin.
func sameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return true
	case "":
		origin := r.Header.Get("Origin")
		if origin == "" {
			return true
		}
		u, err := url.Parse(origin)
		return err == nil && strings.EqualFold(u.Host, r.Host)
	}
	// A link that somebody followed shows the answer to that person, not to the page with the link.
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}
