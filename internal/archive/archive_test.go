package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type content struct {
	Room     Room
	Versions []Version
	Bodies   [][]byte
	Document []byte
}

func sample() []content {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return []content{
		{Room: Room{ID: "../../etc/passwd\x00", Created: now, Updated: &now, Generation: 3, Versions: 2}, Document: []byte("document one"),
			Versions: []Version{{Number: 4, Created: now, Kind: "manual", Label: "ä \x1b", Generation: 2}, {Number: 9, Kind: "automatic", Created: now, Damage: "gone"}},
			Bodies:   [][]byte{[]byte("version four"), nil}},
		{Room: Room{ID: "b", Created: now, Damage: []string{"a bit"}}, Document: []byte{0, 0}},
		{Room: Room{ID: "c", Created: now}, Document: bytes.Repeat([]byte("long "), 100_000)},
	}
}

func write(t *testing.T, rooms []content, compress bool) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, Manifest{Created: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Server: "test"}, compress)
	check(t, err)
	for _, c := range rooms {
		check(t, w.BeginRoom(c.Room))
		for i, v := range c.Versions {
			check(t, w.Version(v, c.Bodies[i]))
		}
		check(t, w.EndRoom(c.Document))
	}
	check(t, w.Close())
	return b.Bytes()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// read returns what is in an archive, if it is whole.
func read(archive []byte) ([]content, error) {
	r, err := NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var all []content
	for {
		var c content
		if c.Room, err = r.NextRoom(); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		for {
			v, body, err := r.NextVersion()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			c.Versions, c.Bodies = append(c.Versions, v), append(c.Bodies, body)
		}
		if c.Document, err = r.Document(); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
}

func TestArchive(t *testing.T) {
	for _, compress := range []bool{false, true} {
		for _, rooms := range [][]content{sample(), nil} {
			archive := write(t, rooms, compress)
			got, err := read(archive)
			check(t, err)
			if diff := cmp.Diff(rooms, got); diff != "" {
				t.Errorf("compressed %t: %s", compress, diff)
			}
		}
	}
}

// TestRoomsCanBeSkipped reads no more than which rooms there are, and yet the whole is checked.
func TestRoomsCanBeSkipped(t *testing.T) {
	r, err := NewReader(bytes.NewReader(write(t, sample(), true)))
	check(t, err)
	defer r.Close()
	n := 0
	for {
		_, err := r.NextRoom()
		if errors.Is(err, io.EOF) {
			break
		}
		check(t, err)
		n++
	}
	if n != 3 || r.Damaged() != 2 || r.Manifest().Server != "test" {
		t.Errorf("%d rooms, %d damaged, %+v", n, r.Damaged(), r.Manifest())
	}
}

// TestDamageIsNoticed cuts archives and changes bytes of them.
func TestDamageIsNoticed(t *testing.T) {
	whole := sample()
	whole[2].Document = []byte("short")
	for _, compress := range []bool{false, true} {
		archive := write(t, whole, compress)
		for size := 0; size < len(archive); size += 1 + size%47 {
			got, err := read(archive[:size])
			if err != nil {
				if !errors.Is(err, ErrInvalid) {
					t.Fatalf("%d of %d bytes: %v", size, len(archive), err)
				}
			} else if diff := cmp.Diff(whole, got); diff != "" || compress {
				t.Fatalf("%d of %d bytes (compressed %t) were taken for an archive: %s", size, len(archive), compress, diff)
			}
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		for range 400 {
			bad := bytes.Clone(archive)
			at := rnd.IntN(len(bad))
			bad[at] ^= byte(1 + rnd.IntN(255))
			if got, err := read(bad); err == nil {
				if diff := cmp.Diff(whole, got); diff != "" {
					t.Fatalf("byte %d was changed, and the archive reads: %s", at, diff)
				}
			}
		}
	}
}

func TestForeignFiles(t *testing.T) {
	newer := bytes.Replace(write(t, nil, false), []byte(`"version": 1`), []byte(`"version": 2`), 1)
	if _, err := read(newer); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("a newer format: %v", err)
	}
	for name, file := range map[string][]byte{
		"empty": nil, "text": []byte("hello"), "zeros": make([]byte, 4096), "zstd of nothing": {0x28, 0xb5, 0x2f, 0xfd, 0, 0},
		"two archives": append(write(t, sample(), false), write(t, sample(), false)...),
	} {
		if got, err := read(file); name == "two archives" && err == nil && len(got) == 3 {
			continue // what follows a tar's end is nobody's
		} else if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestToolsCanReadIt unpacks an archive with tar and checks it with sha256sum, as docs/export.md says.
func TestToolsCanReadIt(t *testing.T) {
	for _, tool := range []string{"tar", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("SYMPHONY_TEST_ALL") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "export.tar")
	check(t, os.WriteFile(file, write(t, sample(), false), 0o600))
	out, err := exec.Command("tar", "-C", dir, "-xf", file).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatalf("tar: %v %s", err, out)
	}
	for i := range 3 {
		cmd := exec.Command("sha256sum", "--strict", "-c", sumsName)
		cmd.Dir = filepath.Join(dir, dirOf(i+1))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("sha256sum: %v %s", err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "rooms", fmt.Sprintf("%08d", 1), "versions", "00000004.yjs")); err != nil {
		t.Error(err)
	}
}
