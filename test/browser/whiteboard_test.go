package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
)

// Two people draw everything that the demo page can draw, see each other do it, and undo only what they did themselves.
func TestWhiteboardInTwoWindows(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	browser := chromium(t)
	root := harness.Root()
	screenshots := filepath.Join(root, "artifacts")
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	server := harness.StartServer(t)

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", filepath.Join(root, "test", "browser", "whiteboard.mjs"),
		"http://"+server.Addr+"/#zwei%20Fenster%2F%F0%9F%8E%BB", screenshots, browser)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
