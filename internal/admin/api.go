package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/roomid"
	"github.com/symphony-rtc/symphony/internal/store"
)

// Host is what the API asks of the rooms that are open (room.Host).
type Host interface {
	Info(id string) (room.Info, bool)
	View(id string, read func(*crdt.Doc)) bool
}

// API answers requests under /v1/. It only reads: rooms that are not open are not opened by it.
// It is safe for concurrent use.
type API struct {
	host   Host
	stored store.Reader
	log    *slog.Logger
}

// NewAPI returns the API over the open rooms of host and everything in stored.
func NewAPI(host Host, stored store.Reader, log *slog.Logger) *API {
	return &API{host: host, stored: stored, log: log}
}

const roomsPath = "/v1/rooms"

// ServeHTTP finds the method by the path as the client sent it, since a room id may look like navigation.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeError(w, http.StatusMethodNotAllowed, "method_not_allowed", "this API can only be read so far: use GET")
		return
	}
	rest, found := strings.CutPrefix(r.URL.EscapedPath(), roomsPath)
	switch {
	case found && (rest == "" || rest == "/"):
		a.list(w, r)
		return
	case !found || !strings.HasPrefix(rest, "/"):
		writeError(w, http.StatusNotFound, "not_found", "no such resource: rooms are at "+roomsPath)
		return
	}
	segment, view, _ := strings.Cut(rest[1:], "/")
	id, err := roomid.Decode(segment)
	if err != nil {
		writeError(w, http.StatusBadRequest, "invalid_room_id", err.Error())
		return
	}
	switch view {
	case "":
		a.describe(w, r, id)
	case "document":
		a.document(w, r, id)
	case "update":
		a.update(w, r, id)
	default:
		writeError(w, http.StatusNotFound, "not_found", "a room has /document and /update; write a slash in its id as %2F")
	}
}

// fail answers with the error of a read.
func (a *API) fail(w http.ResponseWriter, r *http.Request, id string, err error) {
	switch {
	case errors.Is(err, store.ErrNoRoom):
		writeError(w, http.StatusNotFound, "room_not_found", fmt.Sprintf(
			"there is no room %q: it comes into being when somebody connects to /rooms/%s", id, roomid.Encode(id)))
	case errors.Is(err, room.ErrCorrupt):
		a.log.Error("reading a room", "room", id, "error", err)
		writeError(w, http.StatusInternalServerError, "room_corrupt",
			"what is stored of the room failed its checks and was left as it is; the server's log says which file or row")
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil: // the client left
	default:
		a.log.Error("reading a room", "room", id, "error", err)
		writeError(w, http.StatusServiceUnavailable, "storage_unavailable",
			"the room cannot be read just now; the server's log says why. Try again")
	}
}
