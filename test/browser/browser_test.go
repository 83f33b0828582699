package browser

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// chromium returns the path of the browser. Without one the test is skipped, or fails where everything has to be tested.
func chromium(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("SYMPHONY_TEST_ALL") != "" {
			t.Fatal("chromium is not installed: run scripts/setup.sh chromium")
		}
		t.Skip("chromium is not installed: `make test` installs it")
	}
	return path
}

// serveHello serves examples/hello and passes what it asks of rooms on to the server, as an application's own web server
// does. It returns the page's address.
func serveHello(t *testing.T, server *harness.Server) string {
	t.Helper()
	dist := filepath.Join(harness.Root(), "examples", "hello", "dist")
	if _, err := os.Stat(filepath.Join(dist, "index.html")); errors.Is(err, os.ErrNotExist) {
		t.Fatal("examples/hello is not built: run make page")
	}
	rooms := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: server.Addr})
	rooms.ErrorLog = log.New(io.Discard, "", 0) // the test stops the server
	routes := http.NewServeMux()
	routes.Handle("/rooms/", rooms)
	routes.Handle("/", http.FileServer(http.Dir(dist)))
	page := httptest.NewServer(routes)
	t.Cleanup(page.Close)
	return page.URL
}

// run runs a script beside this file: what a person would do, in a browser. The script is given its arguments, a directory for
// screenshots and the browser's path. It prints the name of each stage that it has reached; if stages has that name, its
// function is called and the script waits until it is done. At the end it prints "done".
func run(t *testing.T, script string, stages map[string]func(), args ...string) {
	t.Helper()
	browser := chromium(t)
	root := harness.Root()
	screenshots := filepath.Join(root, "artifacts")
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	args = append([]string{filepath.Join(root, "test", "browser", script)}, append(args, screenshots, browser)...)
	cmd := exec.CommandContext(ctx, "node", args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		last = lines.Text()
		if stage := stages[last]; stage != nil {
			stage()
			if _, err := in.Write([]byte("go on\n")); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil || last != "done" {
		t.Fatalf("the browser's part ended after %q: %v", last, err)
	}
}

// Two windows of a page with plain y-websocket clients see each other's text, cursors and names; the text survives a restart
// of the server; what was typed while it was away arrives.
func TestHelloPageInTwoWindows(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	server := harness.StartServer(t)
	// A room of its own, with an id that has to be encoded.
	run(t, "hello.mjs", map[string]func(){
		"typed": func() {
			if code := server.Terminate(); code != 0 {
				t.Errorf("SIGTERM: the server's exit code is %d", code)
			}
		},
		"offline": func() {
			server.Start()
			server.WaitReady()
		},
	}, serveHello(t, server)+"/#zwei%20Fenster%2F%F0%9F%8E%BB")
}
