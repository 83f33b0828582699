package cloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/symphony-rtc/symphony/internal/store"
)

func TestBody(t *testing.T) {
	for _, parts := range [][]string{nil, {""}, {"one"}, {"", "one", "", "two", ""}, {strings.Repeat("long ", 1000), "x"}} {
		whole := strings.Join(parts, "")
		var raw [][]byte
		for _, part := range parts {
			raw = append(raw, []byte(part))
		}
		b := NewBody(raw)
		if err := iotest.TestReader(b, []byte(whole)); err != nil {
			t.Errorf("%q: %v", parts, err)
		}
		if b.Size() != int64(len(whole)) || !b.Equal([]byte(whole)) || b.CRC32C() != CRC32C([]byte(whole)) {
			t.Errorf("%q: size %d, equal %v", parts, b.Size(), b.Equal([]byte(whole)))
		}
		for range 20 {
			at := rand.IntN(len(whole) + 1)
			if _, err := b.Seek(int64(at), io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(b); err != nil || string(got) != whole[at:] {
				t.Errorf("%q from %d: %q, %v", parts, at, got, err)
			}
		}
		for i := range whole {
			other := []byte(whole)
			other[i] ^= 1
			if b.Equal(other) {
				t.Fatalf("%q equals what differs in byte %d", parts, i)
			}
		}
		if b.Equal([]byte(whole + "x")) {
			t.Errorf("%q equals something longer", parts)
		}
	}
	if _, err := NewBody(nil).Seek(-1, io.SeekStart); err == nil {
		t.Error("sought to before the beginning")
	}
}

func TestObjectsThatCouldNotBeRead(t *testing.T) {
	part := make([]byte, 1<<20)
	parts := make([][]byte, MaxObject/len(part))
	for i := range parts {
		parts[i] = part
	}
	if _, err := NewObject(parts); err != nil {
		t.Errorf("the largest object: %v", err)
	}
	if _, err := NewObject(append(parts, []byte("x"))); err == nil {
		t.Error("a larger object would be stored")
	}
}

func TestPrefix(t *testing.T) {
	for path, want := range map[string]Prefix{"": "", "/": "", "a": "a/", "/a/b/": "a/b/"} {
		p, err := NewPrefix(path)
		if err != nil || p != want {
			t.Errorf("%q: %q, %v, want %q", path, p, err, want)
			continue
		}
		name, err := p.Name("ab/x")
		if key, ok := p.Key(name); err != nil || !ok || key != "ab/x" || name != string(want)+"ab/x" {
			t.Errorf("%q: %q, %q, %v, %v", path, name, key, ok, err)
		}
	}
	for _, path := range []string{"a//b", "..", "a/../b", "a/./b"} {
		if p, err := NewPrefix(path); err == nil {
			t.Errorf("%q: %q", path, p)
		}
	}
	for _, key := range []string{"", ".", "/a", "a/", "../a", "a//b"} {
		if name, err := Prefix("p/").Name(key); err == nil {
			t.Errorf("key %q: %q", key, name)
		}
	}
	for _, name := range []string{"", "p", "p/", "other/ab/x", "p//x", "pq/x"} {
		if key, ok := Prefix("p/").Key(name); ok {
			t.Errorf("name %q: key %q", name, key)
		}
	}
}

func TestDownloadRefusesLengths(t *testing.T) {
	for _, length := range []int64{-1, MaxObject + 1, 1 << 62} {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := Download(ctx, func(context.Context) (Answer, error) {
			cancel() // no second attempt
			return Answer{Body: io.NopCloser(strings.NewReader("x")), Length: length}, nil
		})
		if err == nil {
			t.Errorf("a body of %d bytes was downloaded", length)
		}
	}
	attempts := 0
	_, err := Download(context.Background(), func(context.Context) (Answer, error) {
		attempts++
		return Answer{Body: io.NopCloser(strings.NewReader("too long")), Length: 3}, nil
	})
	if err == nil || !strings.Contains(err.Error(), "goes on") || attempts != 3 {
		t.Errorf("a body longer than its length, %d attempts: %v", attempts, err)
	}
}

func TestExists(t *testing.T) {
	body := NewBody([][]byte{[]byte("mine")})
	failure := errors.New("failure")
	for _, c := range []struct {
		tries  int
		stored string
		err    error
		want   string
	}{
		{1, "mine", nil, store.ErrObjectExists.Error()}, // the first try: somebody else's, even if it is the same
		{2, "mine", nil, "<nil>"},
		{2, "other", nil, store.ErrObjectExists.Error()},
		{2, "", failure, "failure"},
		{2, "", fmt.Errorf("get: %w", store.ErrNoObject), "it was there and is gone"},
	} {
		err := Exists(context.Background(), c.tries, body, func(context.Context) ([]byte, error) { return []byte(c.stored), c.err })
		if fmt.Sprint(err) != c.want {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestClientFollowsNoOtherRequest has a server that sends clients elsewhere: only with the same request they go.
func TestClientFollowsNoOtherRequest(t *testing.T) {
	var arrived bytes.Buffer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/see-other":
			http.Redirect(w, r, "/end", http.StatusFound)
		case "/same":
			http.Redirect(w, r, "/end", http.StatusTemporaryRedirect)
		default:
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(&arrived, "%s %s;", r.Method, body)
		}
	}))
	defer server.Close()
	transport := new(http.Transport)
	Tune(transport, 0)
	client := NewClient(transport)
	defer client.Close()
	for path, want := range map[string]int{"/see-other": http.StatusFound, "/same": http.StatusOK} {
		req, err := http.NewRequest(http.MethodPut, server.URL+path, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, resp.Status, want)
		}
	}
	if arrived.String() != "PUT body;" {
		t.Errorf("arrived: %s", arrived.String())
	}
}
