package rules

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// A lock file that names the registry it was made with works only where that registry can be reached.
func TestLockFileNamesNoRegistry(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`"resolved": "[a-z+]+:[^"]*"`).Find(text); found != nil {
		t.Errorf("package-lock.json contains %s: the repository's .npmrc leaves that out, run npm in its root", found)
	}
}
