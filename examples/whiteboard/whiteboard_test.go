package whiteboard

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func get(h http.Handler, method, path string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest(method, path, nil))
	return answer
}

func TestPageAndAssets(t *testing.T) {
	h := handler(fstest.MapFS{
		"index.html":         {Data: []byte("the page")},
		"assets/main-ABC.js": {Data: []byte("the script")},
		"sw.js":              {Data: []byte("the service worker")},
		"README.md":          {Data: []byte("not for browsers")},
	})
	page := get(h, http.MethodGet, "/")
	if page.Code != 200 || page.Body.String() != "the page" || page.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("page: %d %q %v", page.Code, page.Body, page.Header())
	}
	if policy := page.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("policy: %q", policy)
	}
	script := get(h, http.MethodGet, "/assets/main-ABC.js")
	if script.Body.String() != "the script" || !strings.Contains(script.Header().Get("Cache-Control"), "immutable") ||
		!strings.HasPrefix(script.Header().Get("Content-Type"), "text/javascript") {
		t.Errorf("script: %d %q %v", script.Code, script.Body, script.Header())
	}
	worker := get(h, http.MethodGet, "/sw.js")
	if worker.Body.String() != "the service worker" || worker.Header().Get("Cache-Control") != "no-cache" ||
		!strings.HasPrefix(worker.Header().Get("Content-Type"), "text/javascript") {
		t.Errorf("service worker: %d %q %v", worker.Code, worker.Body, worker.Header())
	}
	for _, path := range []string{"/README.md", "/assets/", "/assets/none.js", "/index.html", "/assets/..%2fREADME.md"} {
		if answer := get(h, http.MethodGet, path); answer.Code != 404 {
			t.Errorf("%s: %d", path, answer.Code)
		}
	}
	if answer := get(h, http.MethodPost, "/"); answer.Code != 405 {
		t.Errorf("POST: %d", answer.Code)
	}
}

func TestPageWithoutBundleSaysHowToBuildIt(t *testing.T) {
	answer := get(handler(fstest.MapFS{}), http.MethodGet, "/")
	if answer.Code != 200 || !strings.Contains(answer.Body.String(), "make build") {
		t.Errorf("%d %q", answer.Code, answer.Body)
	}
}
