package app

import (
	"net/http"
	"strings"

	"github.com/symphony-rtc/symphony/internal/admin"
	"github.com/symphony-rtc/symphony/internal/link"
)

// routes sends a request to its part of the server. It looks at the path as it was sent: room ids are data and may be
// ".." or contain encoded slashes, which http.ServeMux would clean away.
type routes struct {
	rooms, api, metrics, page http.Handler
	links                     http.Handler // takes links of proxies; nil if there are none
	health                    *admin.Health
}

func (p routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.EscapedPath(); {
	case path == "/rooms" || strings.HasPrefix(path, "/rooms/"):
		p.rooms.ServeHTTP(w, r)
	case path == "/v1" || strings.HasPrefix(path, "/v1/"):
		p.api.ServeHTTP(w, r)
	case path == link.Path && p.links != nil:
		p.links.ServeHTTP(w, r)
	case path == "/metrics":
		p.metrics.ServeHTTP(w, r)
	case path == "/healthz":
		p.health.ServeAlive(w, r)
	case path == "/readyz":
		p.health.ServeReady(w, r)
	default:
		p.page.ServeHTTP(w, r)
	}
}
