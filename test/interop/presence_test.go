package interop

import (
	"strconv"
	"testing"

	"github.com/symphony-rtc/symphony/test/harness"
)

// Presence travels, and is gone as soon as its connection is: not after the 30 s that clients would need to notice.
func TestPresenceOfOthers(t *testing.T) {
	s := harness.StartServer(t)
	p, q := harness.StartPuppet(t), harness.StartPuppet(t)
	a := p.Join(s, harness.Plain, "a", "presence")
	b := q.Join(s, harness.Plain, "b", "presence")
	sees := func(c, other *harness.Client, want string) {
		t.Helper()
		harness.Eventually(t, c.Name+" to see "+other.Name+" as "+want, func() bool {
			return string(c.Present()[strconv.FormatUint(other.ID, 10)]) == want
		})
	}
	a.Do("presence", args{"state": args{"user": "A"}}, nil)
	b.Do("presence", args{"state": args{"user": "B"}}, nil)
	sees(a, b, `{"user":"B"}`)
	sees(b, a, `{"user":"A"}`)

	late := p.Join(s, harness.Plain, "late", "presence")
	sees(late, a, `{"user":"A"}`)
	sees(late, b, `{"user":"B"}`)

	b.Do("presence", args{"state": args{"user": "B", "cursor": 7}}, nil)
	sees(a, b, `{"cursor":7,"user":"B"}`)

	// The program of b ends without a word.
	q.Kill()
	sees(a, b, "")
	sees(late, b, "")
	sees(late, a, `{"user":"A"}`)

	a.Do("disconnect", nil, nil)
	sees(late, a, "")
	a.Do("connect", nil, nil)
	sees(late, a, `{"user":"A"}`)
}
