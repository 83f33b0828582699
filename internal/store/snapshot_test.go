package store

import (
	"bytes"
	"strings"
	"testing"
)

func TestSnapshotRoundTrip(t *testing.T) {
	for _, id := range []string{"a", "\x00/../", strings.Repeat("é", 127) + "x"} {
		for _, body := range [][]byte{nil, {0}, bytes.Repeat([]byte("body"), 100), bytes.Repeat([]byte("body"), 1000)} {
			want := snapshotInfo{room: id, epoch: 1 << 60, through: 77}
			header, stored := encodeSnapshot(want, body)
			object := append(header, stored...)
			got, b, err := parseSnapshot(object)
			if err != nil || got != want || !bytes.Equal(b, body) {
				t.Fatalf("%q with %d bytes: %+v, %d bytes, %v", id, len(body), got, len(b), err)
			}
			if body != nil {
				for i := range object {
					object[i] ^= 0x10
					if _, _, err := parseSnapshot(object); err == nil {
						t.Fatalf("byte %d of %d changed and not noticed", i, len(object))
					}
					object[i] ^= 0x10
				}
			}
		}
	}
}

func FuzzParseSnapshot(f *testing.F) {
	for _, size := range []int{4, compressFrom} {
		header, body := encodeSnapshot(snapshotInfo{room: "room", epoch: 1, through: 2}, bytes.Repeat([]byte("b"), size))
		f.Add(append(header, body...))
	}
	f.Add([]byte(snapshotMagic))
	f.Fuzz(func(t *testing.T, object []byte) {
		info, body, err := parseSnapshot(object)
		if err != nil {
			return
		}
		if encoding(object[8]) == encodingPlain {
			if again := append(appendSnapshotHeader(nil, info, encodingPlain, 0, body), body...); !bytes.Equal(again, object) {
				t.Fatalf("accepted %q, which is not what would be written: %q", object, again)
			}
		}
		header, stored := encodeSnapshot(info, body)
		if got, b, err := parseSnapshot(append(header, stored...)); err != nil || got != info || !bytes.Equal(b, body) {
			t.Fatalf("%q, written again, is %+v, %d bytes, %v", object, got, len(b), err)
		}
	})
}

func TestSnapshotKeys(t *testing.T) {
	seen := make(map[string]bool)
	for _, id := range []string{"a", "..", "/", "\x00", strings.Repeat("x", 255)} {
		for range 10 {
			key := NewSnapshotKey(id, 1, 2)
			if !IsSnapshotKey(key) || seen[key] {
				t.Fatalf("key %q of room %q", key, id)
			}
			seen[key] = true
		}
	}
	good := NewSnapshotKey("a", 1, 2)
	for _, key := range []string{"", "a", "../" + good, good + "x", strings.ToUpper(good), strings.Replace(good, "/", "\\", 1)} {
		if IsSnapshotKey(key) {
			t.Errorf("%q counts as a key of ours", key)
		}
	}
}
