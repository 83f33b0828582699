package admin

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Guard keeps other web pages from reading next through a visitor's browser. Requests that a page of another origin makes
// are refused. If loopback says that the server listens on a loopback address only, so are requests for a host that
// is neither this machine nor one of hosts: that is what a page does whose name was rebound to 127.0.0.1.
// Programs that are no browsers are not concerned, and nobody is authenticated here.
func Guard(next http.Handler, loopback bool, hosts []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case loopback && !thisMachine(r.Host) && !slices.Contains(hosts, r.Host):
			writeError(w, http.StatusForbidden, "host_not_allowed",
				"this server answers only requests for localhost: ask for 127.0.0.1, or add the origin to the setting origins")
		case !sameOrigin(r):
			writeError(w, http.StatusForbidden, "cross_origin", "pages of other origins may not read this")
		default:
			next.ServeHTTP(w, r)
		}
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
