package admin

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestExamplesOfTheDocumentation runs what docs/management.md shows, in its order. All of it must succeed.
func TestExamplesOfTheDocumentation(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("SYMPHONY_TEST_ALL") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "management.md"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	session := w.join("damaged", helloV1)
	if err := w.host.Flush(t.Context(), "damaged"); err != nil {
		t.Fatal(err)
	}
	if err := session.Receive(updateFrame(t, bang)); err != nil {
		t.Fatal(err)
	}
	session.Leave()
	w.stop()
	w.start()
	w.damage("damaged")
	server := httptest.NewServer(LocalHosts(SameOrigin(w.api), nil))
	defer server.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "content.yjs"), unhex(t, helloV1), 0o600); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for i, block := range strings.Split(string(text), "```") {
		commands, isShell := strings.CutPrefix(block, "sh\n")
		if i%2 == 0 || !isShell {
			continue
		}
		for command := range strings.Lines(commands) {
			ran++
			command = strings.ReplaceAll(command, "http://127.0.0.1:8080", server.URL)
			cmd := exec.Command("sh", "-c", strings.Replace(command, "curl", "curl -sS --fail-with-body --max-time 30", 1))
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", strings.TrimSpace(command), err, out)
			}
		}
	}
	if ran < 15 {
		t.Errorf("only %d examples were found", ran)
	}
}
