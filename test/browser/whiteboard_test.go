package browser

import (
	"testing"

	"github.com/symphony-rtc/symphony/test/harness"
)

// Two people draw everything that the demo page can draw, see each other do it, and undo only what they did themselves.
func TestWhiteboardInTwoWindows(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	server := harness.StartServer(t)
	run(t, "whiteboard.mjs", nil, "http://"+server.Addr+"/#zwei%20Fenster%2F%F0%9F%8E%BB")
}

// Two people draw; one loses the network, goes on, closes the tab, reopens it and comes back; the server is killed while they
// draw; undo leaves the other's work; and what the page says of saving is true through all of it.
func TestWhiteboardLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("starts browsers")
	}
	server := harness.StartServer(t)
	run(t, "whiteboard_saving.mjs", map[string]func(){
		"kill": server.Kill,
		"start": func() {
			server.Start()
			server.WaitReady()
		},
	}, server.Addr)
}
