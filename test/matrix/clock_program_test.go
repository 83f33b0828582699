package matrix

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
)

var clockProgram struct {
	once sync.Once
	dir  string
	err  error
}

// programWithClock builds cmd/symphony with another time.Now. The whole standard library and everything else is compiled
// anew for that, which takes minutes.
func programWithClock(t *testing.T) string {
	t.Helper()
	clockProgram.once.Do(func() {
		if clockProgram.dir, clockProgram.err = os.MkdirTemp("", "symphony-clock-"); clockProgram.err == nil {
			clockProgram.err = buildWithClock(clockProgram.dir)
		}
	})
	if clockProgram.err != nil {
		t.Fatal(clockProgram.err)
	}
	return filepath.Join(clockProgram.dir, "symphony")
}

func buildWithClock(dir string) error {
	library := filepath.Join(harness.Output("go", "env", "GOROOT"), "src", "time")
	original, err := os.ReadFile(filepath.Join(library, "time.go"))
	if err != nil {
		return err
	}
	const asks = "\tsec, nsec, mono := runtimeNow()\n"
	if strings.Count(string(original), asks) != 1 {
		return fmt.Errorf("time.Now of %s is not written as this test expects: adapt it", runtime.Version())
	}
	replace := map[string]string{}
	for path, text := range map[string]string{
		filepath.Join(library, "time.go"): strings.Replace(string(original), asks, asks+"\tsec += WrongBySeconds.Load()\n", 1),
		filepath.Join(library, "wrong_clock.go"): "package time\n\nimport \"internal/runtime/atomic\"\n\n" +
			"// WrongBySeconds is added by Now.\nvar WrongBySeconds atomic.Int64\n",
		filepath.Join(harness.Root(), "cmd", "symphony", "wrong_clock.go"): `package main

import (
	"os"
	"strconv"
	"time"
)

func init() {
	set := func() {
		text, _ := os.ReadFile(os.Getenv("FAKE_CLOCK"))
		if n, err := strconv.Atoi(string(text)); err == nil {
			time.WrongBySeconds.Store(int64(n))
		}
	}
	set()
	go func() {
		for ; ; time.Sleep(50 * time.Millisecond) {
			set()
		}
	}()
}
`,
	} {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		copied := filepath.Join(dir, fmt.Sprint(len(replace), ".go"))
		if err := os.WriteFile(copied, []byte(text), 0o600); err != nil {
			return err
		}
		replace[absolute] = copied
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-overlay", file, "-o", filepath.Join(dir, "symphony"), "./cmd/symphony")
	cmd.Dir = harness.Root()
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building cmd/symphony with another clock: %w\n%s", err, text)
	}
	return nil
}
