package gcs

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/symphony-rtc/symphony/internal/store/cloud"
)

// attempts is how often a request is sent at most. All our requests may be sent twice: uploads are create-only.
const attempts = 4

// request is what call sends; the body is the concatenation of parts.
type request struct {
	method, url, kind string
	body              [][]byte
}

// failure is an answer without success.
type failure struct {
	status  int
	message string
}

func (f *failure) Error() string {
	return fmt.Sprintf("the storage answers %d, %s", f.status, f.message)
}

// status returns the HTTP status of the answer that err is about, or 0.
func status(err error) int {
	var f *failure
	if errors.As(err, &f) {
		return f.status
	}
	return 0
}

// errToken means that the request was not sent, as there is no token to send with it.
var errToken = errors.New("no token")

// errKeepOpen is returned by the reader of an answer that has taken over its body.
var errKeepOpen = errors.New("body taken")

// call sends a request, again if that can help, and gives the answer to read, if it is one of success.
func (b *Bucket) call(ctx context.Context, r request, read func(*http.Response) error) error {
	for attempt := 1; ; attempt++ {
		err := b.callOnce(ctx, r, read)
		if err == nil || attempt == attempts || !again(err) || ctx.Err() != nil {
			return err
		}
		if err := cloud.Pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// again reports whether another attempt can help: after lost connections, and what Google calls transient
// (https://cloud.google.com/storage/docs/retry-strategy).
func again(err error) bool {
	switch s := status(err); {
	case errors.Is(err, errToken):
		return false // oauth2 has tried
	case s == 0, s == http.StatusRequestTimeout, s == http.StatusTooManyRequests:
		return true
	default:
		return s >= 500 && s != http.StatusNotImplemented
	}
}

func (b *Bucket) callOnce(ctx context.Context, r request, read func(*http.Response) error) error {
	body := cloud.NewBody(r.body)
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, body)
	if err != nil {
		return err
	}
	if req.ContentLength = body.Size(); req.ContentLength == 0 {
		req.Body = http.NoBody
	}
	if r.kind != "" {
		req.Header.Set("Content-Type", r.kind)
	}
	if b.tokens != nil {
		token, err := b.tokens.Token()
		if err != nil {
			return fmt.Errorf("%w: %w", errToken, err)
		}
		token.SetAuthHeader(req)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return errors.Join(&failure{resp.StatusCode, message(resp)}, resp.Body.Close())
	}
	if read != nil {
		err = read(resp)
		if errors.Is(err, errKeepOpen) {
			return nil
		}
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	return errors.Join(err, resp.Body.Close())
}

// message returns what the answer says in the API's form of errors, or its beginning.
func message(resp *http.Response) string {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	var said struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(text, &said) == nil && said.Error.Message != "" {
		return said.Error.Message
	}
	if trimmed := strings.TrimSpace(string(text)); trimmed != "" {
		return trimmed[:min(len(trimmed), 200)]
	}
	return http.StatusText(resp.StatusCode)
}

// newBoundary returns what separates the parts of an upload: nothing that an object contains.
func newBoundary() string { return "symphony-" + rand.Text() }
