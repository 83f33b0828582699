package cloud

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Watch sees the HTTP requests that are made with its context. Safe for concurrent use.
type Watch struct {
	mu    sync.Mutex
	tries int
	date  time.Time
}

type watchKey struct{}

// WithWatch returns a context whose requests are seen by the Watch.
func WithWatch(ctx context.Context) (context.Context, *Watch) {
	w := new(Watch)
	return context.WithValue(ctx, watchKey{}, w), w
}

// Tries returns how many requests were sent, retries included.
func (w *Watch) Tries() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tries
}

// Date returns what the newest answer gave as the server's time (HTTP's Date, to the second), or the zero time.
func (w *Watch) Date() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.date
}

// Client sends requests and shows them to the Watch of their context. It has the method that client libraries want from
// an HTTP client.
type Client struct{ http *http.Client }

// NewClient makes a client over a transport. It follows no redirect that would turn one request into another.
func NewClient(transport *http.Transport) *Client {
	return &Client{&http.Client{Transport: transport, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		keepsMethod := req.Response.StatusCode == http.StatusTemporaryRedirect ||
			req.Response.StatusCode == http.StatusPermanentRedirect
		if !keepsMethod || len(via) > 3 {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

// Do sends a request.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	w, watched := req.Context().Value(watchKey{}).(*Watch)
	if watched {
		w.mu.Lock()
		w.tries++
		w.mu.Unlock()
	}
	resp, err := c.http.Do(req)
	if failed := new(url.Error); errors.As(err, &failed) {
		failed.URL, _, _ = strings.Cut(failed.URL, "?") // a signature can be there, which is no matter for logs
	}
	if err == nil && watched {
		if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			w.mu.Lock()
			w.date = date
			w.mu.Unlock()
		}
	}
	return resp, err
}

// Close closes connections that nobody uses.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}
