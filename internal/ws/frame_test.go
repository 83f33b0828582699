package ws

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAppendClose(t *testing.T) {
	for reason, want := range map[string]string{
		"":                                    "",
		"moved":                               "moved",
		"pages from \xff\xfe may not connect": "pages from ? may not connect",
		strings.Repeat("ä", 100):              strings.Repeat("ä", 61),
		strings.Repeat("\xff", 300):           "?",
	} {
		frame := AppendClose([]byte("before"), 4403, reason)[len("before"):]
		if got := string(frame[4:]); got != want || !utf8.ValidString(got) || int(frame[1]) != 2+len(want) {
			t.Errorf("%q: % x", reason, frame)
		}
	}
}
