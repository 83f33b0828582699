package lib0

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

// FuzzAny: any bytes are read or refused; what is read becomes canonical in one step, by all functions alike.
func FuzzAny(f *testing.F) {
	f.Add([]byte{TagObject, 2, 1, 'a', TagInteger, 0x40, 1, '1', TagFloat32, 0x3f, 0x80, 0, 0})
	f.Add([]byte{TagArray, 2, TagString, 1, 'x', TagBytes, 2, 1, 2})
	f.Add([]byte{TagFloat64, 0x7f, 0xf8, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, canonical, err := ScanAny(b)
		if err != nil {
			if _, _, err := DecodeAny(b); err == nil {
				t.Fatal("ScanAny refuses what DecodeAny reads")
			}
			return
		}
		b = b[:n]
		once, err := CanonicalAny(nil, b)
		if err != nil {
			t.Fatal(err)
		}
		if canonical && !bytes.Equal(once, b) {
			t.Fatalf("%x called canonical, but is %x", b, once)
		}
		if twice, err := CanonicalAny(nil, once); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%x becomes %x: %v", once, twice, err)
		}
		value, _, err := DecodeAny(b)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := AppendAny(nil, value); err != nil || !bytes.Equal(again, once) {
			t.Fatalf("by way of Go values: %x, want %x, %v", again, once, err)
		}
		if text, err := AnyToJSON(nil, b); err == nil {
			if canonicalText, _, _, err := CanonicalJSON(nil, text); err != nil || !bytes.Equal(canonicalText, text) {
				t.Fatalf("%q is not canonical JSON: %q, %v", text, canonicalText, err)
			}
		}
	})
}

// FuzzJSON: any text is read or refused; canonical text stays, and means the same any-encoded.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"b":[1,-0,1e3],"1":"\ud83d\ude00\u00e9","b":null}`))
	f.Add([]byte(` "\ud83d" `))
	f.Fuzz(func(t *testing.T, text []byte) {
		if !utf8.Valid(text) {
			return
		}
		canonical, _, lossless, err := CanonicalJSON(nil, text)
		value, anyErr := JSONToAny(nil, text)
		if (err == nil) != (anyErr == nil) {
			t.Fatal(err, anyErr)
		}
		if err != nil {
			return
		}
		if again, _, _, err := CanonicalJSON(nil, canonical); err != nil || !bytes.Equal(again, canonical) {
			t.Fatalf("%q becomes %q, %v", canonical, again, err)
		}
		if n, _, err := ScanAny(value); err != nil || n != len(value) {
			t.Fatalf("%x: %v", value, err)
		}
		if lossless {
			if same, err := JSONToAny(nil, canonical); err != nil || !bytes.Equal(same, value) {
				t.Fatalf("%q means %x, %q means %x", text, value, canonical, same)
			}
		}
	})
}
