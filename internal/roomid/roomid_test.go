package roomid

import (
	"errors"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	for segment, want := range map[string]string{
		"demo": "demo", "a%2Fb": "a/b", "..": "..", "%2e%2E": "..", "%00": "\x00", "a+b%20c": "a+b c",
		"%F0%9F%8E%BB": "🎻", "🎻": "🎻", strings.Repeat("x", 255): strings.Repeat("x", 255),
	} {
		if id, err := Decode(segment); err != nil || id != want {
			t.Errorf("Decode(%q) = %q, %v; want %q", segment, id, err, want)
		}
	}
	for _, segment := range []string{"", "a/b", "%", "%zz", "%ff", "\xff"} {
		if id, err := Decode(segment); err == nil {
			t.Errorf("Decode(%q) = %q, want an error", segment, id)
		}
	}
	if _, err := Decode(strings.Repeat("%C3%A4", 128)); !errors.Is(err, ErrTooLong) {
		t.Errorf("256 bytes: %v", err)
	}
}

func FuzzEncodeDecode(f *testing.F) {
	for _, id := range []string{"demo", "..", ".", "a/b", "%2F", "ä ?#", "\x00"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if Check(id) != nil {
			return
		}
		if back, err := Decode(Encode(id)); err != nil || back != id {
			t.Errorf("Decode(Encode(%q)) = %q, %v", id, back, err)
		}
	})
}
