package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// server answers requests with the statuses it is given, one after another, and keeps what was asked. What a real API
// server makes of the same requests is tested in test/k8s; this is about what happens when it is not well.
type server struct {
	mu       sync.Mutex
	statuses []int
	asked    []string // method, path, content type and body
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, strings.Join([]string{r.Method, r.URL.EscapedPath(), r.Header.Get("Content-Type"), string(body)}, " "))
	status := http.StatusOK
	if len(s.statuses) > 0 {
		status, s.statuses = s.statuses[0], s.statuses[1:]
	}
	w.WriteHeader(status)
	if status != http.StatusOK {
		_ = json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "code": status, "message": "not today"})
	}
}

func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

func serve(t *testing.T, statuses ...int) (*server, *api) {
	t.Helper()
	s := &server{statuses: statuses}
	front := httptest.NewServer(s)
	t.Cleanup(front.Close)
	base, err := url.Parse(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	return s, &api{client: front.Client(), base: base}
}

func pod(a *api) *Pod {
	return &Pod{Namespace: "space", Name: "a-pod", UID: "its-uid", api: a, log: slog.New(slog.DiscardHandler), turn: make(chan struct{}, 1)}
}

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestClaimedPersists(t *testing.T) {
	s, a := serve(t, 503, 403, 409)
	if err := pod(a).Claimed(patient(t)); err != nil {
		t.Fatal(err)
	}
	asked := s.requests()
	if len(asked) != 4 {
		t.Fatalf("asked %d times: %q", len(asked), asked)
	}
	const want = `PATCH /api/v1/namespaces/space/pods/a-pod application/merge-patch+json ` +
		`{"metadata":{"labels":{"symphony.dev/pool":"taken"},"uid":"its-uid"}}`
	if asked[3] != want {
		t.Errorf("asked\n%s, want\n%s", asked[3], want)
	}
}

func TestClaimedOfAPodThatIsGone(t *testing.T) {
	for _, status := range []int{404, 422} {
		s, a := serve(t, 500, status)
		if err := pod(a).Claimed(patient(t)); !errors.Is(err, ErrGone) {
			t.Errorf("%d: %v, want ErrGone", status, err)
		}
		if n := len(s.requests()); n != 2 {
			t.Errorf("%d: asked %d times", status, n)
		}
	}
}

func TestDeletePersists(t *testing.T) {
	for _, last := range []int{200, 404, 409} {
		s, a := serve(t, 500, last)
		if err := pod(a).Delete(patient(t)); err != nil {
			t.Errorf("%d: %v", last, err)
		}
		asked := s.requests()
		const want = `DELETE /api/v1/namespaces/space/pods/a-pod application/json ` +
			`{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"its-uid"}}`
		if len(asked) != 2 || asked[1] != want {
			t.Errorf("%d: asked %q", last, asked)
		}
	}
}

// A pod that was started again gives itself back, and while the API server does not let it, it gets a room.
func TestClaimedOvertakesFree(t *testing.T) {
	s, a := serve(t, 503)
	p := pod(a)
	refused, claimed := make(chan struct{}), make(chan struct{})
	p.log = slog.New(atWarning{func() {
		close(refused)
		<-claimed
	}})
	freed := make(chan error, 1)
	go func() { freed <- p.Free(patient(t)) }()
	<-refused
	if err := p.Claimed(patient(t)); err != nil {
		t.Fatal(err)
	}
	close(claimed)
	if err := <-freed; err != nil {
		t.Fatal(err)
	}
	asked := s.requests()
	if len(asked) != 2 || !strings.Contains(asked[1], PoolTaken) {
		t.Errorf("the last of these should have been the claim: %q", asked)
	}
}

// atWarning is a log whose lines call a function.
type atWarning struct{ call func() }

func (l atWarning) Enabled(context.Context, slog.Level) bool  { return true }
func (l atWarning) Handle(context.Context, slog.Record) error { l.call(); return nil }
func (l atWarning) WithAttrs([]slog.Attr) slog.Handler        { return l }
func (l atWarning) WithGroup(string) slog.Handler             { return l }

func TestPersistEndsWithItsContext(t *testing.T) {
	why := errors.New("the process ends")
	ctx, cancel := context.WithCancelCause(t.Context())
	s, a := serve(t, 500)
	front := &canceller{next: a.client.Transport, cancel: func() { cancel(why) }}
	a.client = &http.Client{Transport: front}
	if err := pod(a).Claimed(ctx); !errors.Is(err, why) || !strings.Contains(err.Error(), "not today") {
		t.Errorf("%v, want %v and the last refusal", err, why)
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// canceller calls cancel after each answer.
type canceller struct {
	next   http.RoundTripper
	cancel func()
}

func (c *canceller) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body) // cancelling ends the body, too
	response.Body.Close()
	response.Body = io.NopCloser(strings.NewReader(string(body)))
	c.cancel()
	return response, err
}

func TestSelfNeedsTheDownwardAPI(t *testing.T) {
	t.Setenv("POD_NAME", "a-pod")
	if _, err := Self(slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "POD_UID") {
		t.Errorf("%v, want what is missing", err)
	}
}
