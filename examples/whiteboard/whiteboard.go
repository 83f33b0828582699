// Package whiteboard is the demo page of `symphony dev`: a board to draw on together. `make build` bundles it into dist/,
// which is embedded; without that the page says how to build it.
package whiteboard

import (
	"embed"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed all:dist
var embedded embed.FS

// contentPolicy lets the page load and ask nothing but this server. Styles may be inline for the page below, which has no
// file of its own for them.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const missing = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Symphony</title>
<body style="font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem">
<h1>Symphony is running</h1>
<p>This binary was built without the demo page. In the repository, run <code>make build</code> (it needs Node.js), then
start <code>bin/symphony dev</code>.</p>
<p>Rooms work all the same: connect a Yjs provider to <code>/rooms</code> on this address, or see
<a href="/v1/rooms">the rooms there are</a>.</p>
`

// Handler serves the page at /, its service worker at /sw.js and its other parts under /assets/.
func Handler() http.Handler {
	files, err := fs.Sub(embedded, "dist")
	if err != nil {
		panic(err) // only a malformed name can fail
	}
	return handler(files)
}

func handler(files fs.FS) http.Handler {
	assets := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-cache")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD work here", http.StatusMethodNotAllowed)
			return
		}
		switch name := strings.TrimPrefix(r.URL.Path, "/"); {
		case name == "":
			servePage(w, r, files)
		case name == "sw.js" && isFile(files, name): // at the root: a service worker serves what is below it
			assets.ServeHTTP(w, r)
		case strings.HasPrefix(name, "assets/") && isFile(files, name):
			header.Set("Cache-Control", "public, max-age=31536000, immutable") // the name has a hash of the content
			assets.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	})
}

func servePage(w http.ResponseWriter, r *http.Request, files fs.FS) {
	page, err := fs.ReadFile(files, "index.html")
	if err != nil {
		page = []byte(missing)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if r.Method == http.MethodGet {
		_, _ = w.Write(page) // the browser left: nobody to tell
	}
}

func isFile(files fs.FS, name string) bool {
	info, err := fs.Stat(files, name)
	return err == nil && info.Mode().IsRegular()
}
