package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/symphony-rtc/symphony/internal/store"
)

// What is left on the disk below which a finding says so, in bytes.
const (
	littleSpace  = 1 << 30
	tooFewSpace  = 64 << 20
	checkDir     = "data directory"
	checkSpace   = "disk space"
	adviceAccess = "check owner and permissions, and that the disk is not mounted read-only"
)

// CheckDirectory says whether a server can use a data directory, and how much space it has. It changes nothing.
func CheckDirectory(dir string) []store.Finding {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return []store.Finding{{Check: checkDir, State: store.Broken, Text: err.Error()}}
	}
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return append(checkAccess(existing(abs), fmt.Sprintf("%s does not exist yet: a server makes it", abs)), checkFree(existing(abs)))
	case err != nil:
		return []store.Finding{{Check: checkDir, State: store.Broken, Text: err.Error(), Do: adviceAccess}}
	case !info.IsDir():
		return []store.Finding{{Check: checkDir, State: store.Broken, Text: abs + " is no directory", Do: "choose another one with --data"}}
	}
	text := abs
	if holder := lockHolder(filepath.Join(abs, lockFile)); holder != "" {
		text = fmt.Sprintf("%s is in use by %s", abs, holder)
	}
	found := checkAccess(abs, text)
	for _, name := range []string{lockFile, catalogFile, catalogFile + "-wal", catalogFile + "-shm", snapshots} {
		if path := filepath.Join(abs, name); exists(path) {
			found = worse(found, checkAccess(path, text))
		}
	}
	return append(found, checkFree(abs))
}

// existing is the nearest directory above one that does not exist.
func existing(dir string) string {
	for !exists(dir) && filepath.Dir(dir) != dir {
		dir = filepath.Dir(dir)
	}
	return dir
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// worse returns the findings about whichever is worse off.
func worse(a, b []store.Finding) []store.Finding {
	if b[0].State > a[0].State {
		return b
	}
	return a
}

func checkAccess(path, text string) []store.Finding {
	if err := writable(path); err != nil {
		return []store.Finding{{Check: checkDir, State: store.Broken, Text: fmt.Sprintf("%s cannot be written to: %v", path, err), Do: adviceAccess}}
	}
	return []store.Finding{{Check: checkDir, State: store.Fine, Text: text}}
}

func checkFree(dir string) store.Finding {
	free, total, err := diskSpace(dir)
	if err != nil {
		return store.Finding{Check: checkSpace, State: store.Doubtful, Text: fmt.Sprintf("it is not known: %v", err)}
	}
	return judgeSpace(free, total)
}

func judgeSpace(free, total uint64) store.Finding {
	f := store.Finding{Check: checkSpace, Text: fmt.Sprintf("%s of %s free", size(free), size(total))}
	switch {
	case free < tooFewSpace:
		f.State, f.Do = store.Broken, "free some space: a server whose disk is full cannot store what it is sent"
	case free < littleSpace || free < total/50:
		f.State, f.Do = store.Doubtful, "free some space before it is used up"
	}
	return f
}

func size(n uint64) string {
	if n >= 10<<30 {
		return fmt.Sprintf("%d GiB", n>>30)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
