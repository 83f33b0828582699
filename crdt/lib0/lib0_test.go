package lib0

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUvarint(t *testing.T) {
	for _, c := range []struct {
		v    uint64
		want string
	}{
		{0, "\x00"}, {127, "\x7f"}, {128, "\x80\x01"}, {300, "\xac\x02"}, {1<<32 - 1, "\xff\xff\xff\xff\x0f"},
		{MaxSafeInteger, "\xff\xff\xff\xff\xff\xff\xff\x0f"},
	} {
		got := AppendUvarint(nil, c.v)
		if string(got) != c.want || UvarintLen(c.v) != len(got) {
			t.Errorf("%d: got %x of %d, want %x", c.v, got, UvarintLen(c.v), c.want)
		}
		if v, n := Uvarint(got); v != c.v || n != len(got) {
			t.Errorf("%x: read %d of %d", got, v, n)
		}
		if _, n := Uvarint(got[:len(got)-1]); n != 0 {
			t.Errorf("%x: truncated, yet read", got)
		}
	}
	for _, bad := range []string{"", "\x80", "\xff\xff\xff\xff\xff\xff\xff\x10", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"} {
		if v, n := Uvarint([]byte(bad)); n != 0 {
			t.Errorf("%x: read %d", bad, v)
		}
	}
}

func TestVarintKeepsNegativeZero(t *testing.T) {
	for _, c := range []struct {
		negative  bool
		magnitude uint64
		want      string
	}{
		{false, 0, "\x00"}, {true, 0, "\x40"}, {true, 1, "\x41"}, {false, 63, "\x3f"}, {false, 64, "\x80\x01"},
		{true, 1<<31 - 1, "\xff\xff\xff\xff\x0f"},
	} {
		got := AppendVarint(nil, c.negative, c.magnitude)
		if string(got) != c.want {
			t.Errorf("%t %d: got %x, want %x", c.negative, c.magnitude, got, c.want)
		}
		if negative, magnitude, n := Varint(got); negative != c.negative || magnitude != c.magnitude || n != len(got) {
			t.Errorf("%x: read %t %d of %d", got, negative, magnitude, n)
		}
	}
}

func TestUTF16(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
	}{{"", 0}, {"abc", 3}, {"é漢", 2}, {"a\U0001F600b", 4}, {"\xed\xa0\xbd", 1}, {strings.Repeat("x", 100) + "é", 101}} {
		if got := UTF16Len([]byte(c.text)); got != c.n {
			t.Errorf("%q: %d units, want %d", c.text, got, c.n)
		}
		if i, inside := UTF16Index([]byte(c.text), c.n); i != len(c.text) || inside {
			t.Errorf("%q: end at %d, %t", c.text, i, inside)
		}
	}
	if _, ok := ValidUTF16Len([]byte("\xed\xa0\xbd")); ok {
		t.Error("a surrogate counts as UTF-8")
	}
	smile := []byte("a\U0001F600b")
	if i, inside := UTF16Index(smile, 2); i != 1 || !inside {
		t.Errorf("unit 2 of %q: at %d, %t", smile, i, inside)
	}
	if i, inside := UTF16Index(smile, 3); i != 5 || inside {
		t.Errorf("unit 3 of %q: at %d, %t", smile, i, inside)
	}
}

func TestSurrogatesJoinOrAreReplaced(t *testing.T) {
	smile := []byte("\U0001F600")
	high, low := AppendSurrogates(nil, smile, true, false), AppendSurrogates(nil, smile, false, true)
	for _, c := range []struct {
		in   []byte
		want string
	}{
		{bytes.Join([][]byte{high, low}, nil), "\U0001F600"},
		{bytes.Join([][]byte{low, high}, nil), "\uFFFD\uFFFD"},
		{bytes.Join([][]byte{high, []byte("x"), low}, nil), "\uFFFDx\uFFFD"},
		{[]byte("힣"), "힣"}, // begins with ED as surrogates do
	} {
		if got := AppendText(nil, c.in); string(got) != c.want {
			t.Errorf("%x: got %q, want %q", c.in, got, c.want)
		}
	}
	if got := AppendQuoted(nil, high); string(got) != `"\ud83d"` {
		t.Errorf("a lone surrogate as JSON: %s", got)
	}
}

func TestAnyGoValuesRoundTrip(t *testing.T) {
	value := Object{
		{"7", []any{nil, Undefined{}, true, false}},
		{"name", "\U0001F600"},
		{"n", []any{0.0, -1.0, 1.5, 0.1, math.Inf(1), float64(1 << 40)}},
		{"big", int64(-5)},
		{"bytes", []byte{1, 2}},
		{"o", Object{}},
	}
	b, err := AppendAny(nil, value)
	if err != nil {
		t.Fatal(err)
	}
	if n, canonical, err := ScanAny(b); n != len(b) || !canonical && err == nil {
		if canonicalBytes, _ := CanonicalAny(nil, b); !bytes.Equal(canonicalBytes, b) {
			t.Errorf("%x is not canonical: %x, %v", b, canonicalBytes, err)
		}
	}
	got, n, err := DecodeAny(b)
	if err != nil || n != len(b) {
		t.Fatal(n, err)
	}
	if diff := cmp.Diff(any(value), got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []any{struct{}{}, MaxSafeInteger + 1, "\xff", []any{Object{{"\xff", nil}}}} {
		if _, err := AppendAny(nil, bad); err == nil {
			t.Errorf("%#v was encoded", bad)
		}
	}
}

func TestAnyWithoutJSONForm(t *testing.T) {
	for _, c := range []struct {
		value any
		want  error
	}{{int64(1), ErrBigInt}, {[]any{Object{{"a", int64(1)}}}, ErrBigInt}, {Undefined{}, ErrUndefined}} {
		b, err := AppendAny(nil, c.value)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := AnyToJSON(nil, b); !errors.Is(err, c.want) {
			t.Errorf("%#v: %s, %v", c.value, text, err)
		}
	}
}

func TestNestingIsLimited(t *testing.T) {
	deep := func(n int) []byte { return append(bytes.Repeat([]byte{TagArray, 1}, n), TagNull) }
	if _, _, err := ScanAny(deep(MaxDepth)); err != nil {
		t.Error(err)
	}
	if _, _, err := ScanAny(deep(1_000_000)); !errors.Is(err, ErrMalformed) {
		t.Error("a million levels:", err)
	}
	if _, err := CanonicalAny(nil, deep(1_000_000)); !errors.Is(err, ErrMalformed) {
		t.Error("a million levels:", err)
	}
	if _, err := JSONToAny(nil, bytes.Repeat([]byte{'['}, 1_000_000)); !errors.Is(err, ErrMalformed) {
		t.Error("a million brackets:", err)
	}
}

func TestLosslessTellsChangedNumbers(t *testing.T) {
	for text, want := range map[string]bool{`[1.0]`: true, `[-0]`: false, `1e999`: false, ` {"a":-1e999}`: false, `0`: true} {
		if _, _, lossless, err := CanonicalJSON(nil, []byte(text)); err != nil || lossless != want {
			t.Errorf("%s: lossless %t, %v", text, lossless, err)
		}
	}
}

func TestManyKeys(t *testing.T) {
	var text bytes.Buffer
	text.WriteByte('{')
	for i := range 5000 {
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(`"k`)
		text.Write(AppendNumber(nil, float64(i%2500)))
		text.WriteString(`":1`)
	}
	text.WriteByte('}')
	b, err := JSONToAny(nil, text.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := DecodeAny(b)
	if o, ok := got.(Object); err != nil || !ok || len(o) != 2500 || o[2499].Key != "k2499" {
		t.Errorf("%d members, %v", len(o), err)
	}
}
