package gateway

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Real clients from npm: the WebSocket library of Node, and y-websocket, which finds its peers through a relay too.
func TestNodeClients(t *testing.T) {
	if _, err := os.Stat("../../node_modules/ws"); err != nil {
		t.Skip("the npm packages are not installed: run npm ci first")
	}
	_, addr := serve(t, &relayHost{}, Options{MaxMessage: 1 << 20})
	cmd := exec.CommandContext(t.Context(), "node", "testdata/clients.mjs", "ws://"+addr+"/rooms")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "all well\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
