package gateway

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// originAllowed applies the origin policy of Options to a request. Browsers let any page open a WebSocket to anywhere
// and only tell the server which page it was, so it is the server that must refuse.
func originAllowed(r *http.Request, o *Options) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	for _, pattern := range o.AllowedOrigins {
		if pattern == "*" {
			return true
		}
	}
	u, err := url.Parse(strings.ToLower(origin))
	if err != nil || u.Host == "" {
		return false // among them "null", the origin of sandboxed and local pages
	}
	host := withoutDefaultPort(u.Scheme, u.Host)
	if host == withoutDefaultPort(u.Scheme, strings.ToLower(r.Host)) {
		return true
	}
	if o.AllowLocalOrigins {
		name := u.Hostname()
		if ip := net.ParseIP(name); name == "localhost" || strings.HasSuffix(name, ".localhost") || ip != nil && ip.IsLoopback() {
			return true
		}
	}
	for _, pattern := range o.AllowedOrigins {
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
