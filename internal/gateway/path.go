package gateway

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/symphony-rtc/symphony/internal/roomid"
)

const roomsPath = "/rooms/"

// httpError is an answer to a request that cannot become a WebSocket.
type httpError struct {
	status int
	text   string
}

func (e *httpError) Error() string { return e.text }

// roomPath takes the room id from the path of a request: the one segment after /rooms/.
func roomPath(u *url.URL) (string, error) {
	segment, ok := strings.CutPrefix(u.EscapedPath(), roomsPath)
	if !ok || segment == "" {
		return "", &httpError{http.StatusNotFound, "no such page: rooms are at /rooms/{id}"}
	}
	id, err := roomid.Decode(segment)
	switch {
	case err == nil:
		return id, nil
	case errors.Is(err, roomid.ErrTooLong):
		return "", &httpError{http.StatusRequestURITooLong, err.Error()}
	default:
		return "", &httpError{http.StatusBadRequest, err.Error()}
	}
}
