package browser

import (
	"testing"

	"github.com/symphony-rtc/symphony/test/harness"
)

// An editor's own binding for Yjs, given room.doc's text and room.awareness, works as with any other provider: two people see each
// other's text, cursors and selections, and undo only what they wrote themselves.
func TestEditorBindingInTwoWindows(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	server := harness.StartServer(t)
	run(t, "editor.mjs", nil, server.Addr)
}
