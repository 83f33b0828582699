package ws

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/symphony-rtc/symphony/internal/roomid"
)

const roomsPath = "/rooms/"

// RoomPath takes the room id from the path of a request: the one segment after /rooms/.
func RoomPath(u *url.URL) (string, error) {
	segment, ok := strings.CutPrefix(u.EscapedPath(), roomsPath)
	if !ok || segment == "" {
		return "", &HTTPError{http.StatusNotFound, "no such page: rooms are at /rooms/{id}"}
	}
	id, err := roomid.Decode(segment)
	switch {
	case err == nil:
		return id, nil
	case errors.Is(err, roomid.ErrTooLong):
		return "", &HTTPError{http.StatusRequestURITooLong, err.Error()}
	default:
		return "", &HTTPError{http.StatusBadRequest, err.Error()}
	}
}
