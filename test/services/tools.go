package services

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// tool returns the path of a program that `scripts/setup.sh part` installs, below the repository's root. Without it the
// test is skipped, or fails where everything has to be tested.
func tool(t testing.TB, name, part string, path ...string) string {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "..", "..")
	found := filepath.Join(append([]string{root}, path...)...)
	if _, err := os.Stat(found); err != nil {
		if os.Getenv("SYMPHONY_TEST_ALL") != "" {
			t.Fatalf("%s is not installed: run scripts/setup.sh %s", name, part)
		}
		t.Skipf("%s is not installed: `scripts/setup.sh %s` installs it", name, part)
	}
	return found
}
