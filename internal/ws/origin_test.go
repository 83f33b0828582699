package ws

import "testing"

func TestWildcardMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		matches    bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "a.b", true}, {"a", "a", true}, {"a", "ab", false},
		{"*.b", "a.b", true}, {"*.b", ".b", true}, {"*.b", "b", false}, {"*.b", "a.b.c", false},
		{"a*", "a", true}, {"a*", "ba", false}, {"a*a", "a", false}, {"a*a", "aa", true},
		{"a*b*c", "a-b-b-c", true}, {"a*b*c", "a-c-b", false}, {"a*bc*bc", "abc", false}, {"a*bc*bc", "a-bc-bc", true}, {"a**b", "ab", true},
	} {
		if got := wildcardMatch(c.pattern, c.s); got != c.matches {
			t.Errorf("%q matches %q: %v", c.pattern, c.s, got)
		}
	}
}
