package admin

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestPagesOfOthersAreRefused(t *testing.T) {
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	type headers map[string]string
	for _, c := range []struct {
		name     string
		loopback bool
		host     string
		headers  headers
		want     int
	}{
		{"program", true, "127.0.0.1:8080", nil, 204},
		{"localhost", true, "localhost:8080", nil, 204},
		{"name below localhost", true, "app.localhost:8080", nil, 204},
		{"IPv6", true, "[::1]:8080", nil, 204},
		{"IPv6 without port", true, "[::1]", nil, 204},
		{"mapped IPv4", true, "[::ffff:127.0.0.1]:80", nil, 204},
		{"rebound name", true, "evil.example:8080", nil, 403},
		{"name that begins like ours", true, "localhost.evil.example", nil, 403},
		{"address of elsewhere", true, "192.0.2.1:8080", nil, 403},
		{"no host", true, "", nil, 403},
		{"allowed name", true, "app.example.com", nil, 204},
		{"public server", false, "evil.example:8080", nil, 204},
		{"own page", true, "127.0.0.1:8080", headers{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 204},
		{"address bar", true, "127.0.0.1:8080", headers{"Sec-Fetch-Site": "none"}, 204},
		{"other page's fetch", true, "127.0.0.1:8080", headers{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403},
		{"other port's fetch", true, "127.0.0.1:8080", headers{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403},
		{"other page's frame", true, "127.0.0.1:8080",
			headers{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403},
		{"other page's link", true, "127.0.0.1:8080",
			headers{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 204},
		{"old browser, own page", true, "127.0.0.1:8080", headers{"Origin": "http://127.0.0.1:8080"}, 204},
		{"old browser, other page", true, "127.0.0.1:8080", headers{"Origin": "https://evil.example"}, 403},
		{"old browser, sandboxed page", true, "127.0.0.1:8080", headers{"Origin": "null"}, 403},
		{"other page, public server", false, "app.example.com", headers{"Origin": "https://evil.example"}, 403},
	} {
		r := httptest.NewRequest(http.MethodGet, "/v1/rooms", nil)
		r.Host = c.host
		for name, value := range c.headers {
			r.Header.Set(name, value)
		}
		h := SameOrigin(next)
		if c.loopback {
			h = LocalHosts(h, []string{"app.example.com"})
		}
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		if answer.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, answer.Code, c.want, answer.Body)
		}
	}
}
