package ws

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Origins says which web pages may connect, beside those of the server itself.
type Origins struct {
	Allowed []string // "https://app.example.com", "https://*.example.com", "*.example.com" for any scheme, "*" for all
	Local   bool     // pages from localhost, 127.0.0.1 and [::1], whatever their port
}

// Allow reports whether a request comes from a page that may connect, or from no page. Browsers let any page open a WebSocket
// to anywhere and only tell the server which page it was, so it is the server that must refuse.
func (o Origins) Allow(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if slices.Contains(o.Allowed, "*") {
		return true
	}
	u, err := url.Parse(strings.ToLower(origin))
	if err != nil || u.Host == "" {
		return false // among them "null", the origin of sandboxed and local pages
	}
	host := withoutDefaultPort(u.Scheme, u.Host)
	if host == withoutDefaultPort(u.Scheme, strings.ToLower(r.Host)) {
		return true
	}
	if o.Local {
		name := u.Hostname()
		if ip := net.ParseIP(name); name == "localhost" || strings.HasSuffix(name, ".localhost") || ip != nil && ip.IsLoopback() {
			return true
		}
	}
	for _, pattern := range o.Allowed {
		pattern = strings.ToLower(strings.TrimSuffix(pattern, "/"))
		scheme, rest, full := strings.Cut(pattern, "://")
		if !full {
			scheme, rest = u.Scheme, pattern
		}
		if scheme == u.Scheme && wildcardMatch(withoutDefaultPort(scheme, rest), host) {
			return true
		}
	}
	return false
}

func withoutDefaultPort(scheme, host string) string {
	switch scheme {
	case "http", "ws":
		return strings.TrimSuffix(host, ":80")
	case "https", "wss":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

// wildcardMatch reports whether s matches a pattern in which each * stands for any number of characters.
func wildcardMatch(pattern, s string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, first)
	if !ok {
		return false
	}
	for {
		part, more, wild := strings.Cut(rest, "*")
		if !wild {
			return strings.HasSuffix(s, part)
		}
		at := strings.Index(s, part)
		if at < 0 {
			return false
		}
		s, rest = s[at+len(part):], more
	}
}
