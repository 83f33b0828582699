package browser

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
)

// Two people draw; one loses the network, goes on, closes the tab, reopens it and comes back; the server is killed while they
// draw; undo leaves the other's work; and what the page says of saving is true through all of it.
func TestWhiteboardLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("starts browsers")
	}
	browser := chromium(t)
	root := harness.Root()
	screenshots := filepath.Join(root, "artifacts")
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	server := harness.StartServer(t)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", filepath.Join(root, "test", "browser", "whiteboard_saving.mjs"),
		server.Addr, screenshots, browser)
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
		switch last = lines.Text(); last {
		case "kill":
			server.Kill()
		case "start":
			server.Start()
			server.WaitReady()
		default:
			continue
		}
		if _, err := in.Write([]byte("go on\n")); err != nil {
			t.Error(err)
		}
	}
	if err := cmd.Wait(); err != nil || last != "done" {
		t.Fatalf("the browser's part ended after %q: %v", last, err)
	}
}
