package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/manage"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/roomid"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/protocol"
)

// badRequest is an error whose text is for the client, with the answer's status and code.
type badRequest problem

func (e *badRequest) Error() string { return e.message }

func invalid(code, format string, args ...any) error {
	return &badRequest{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

// fail answers with the error of a request.
func (a *API) fail(w http.ResponseWriter, r request, err error) {
	if p := a.problem(r, err); p != nil {
		p.write(w)
	}
}

// problem says what an error means to the client; nil if the client left.
func (a *API) problem(r request, err error) *problem {
	at := roomsPath + "/" + roomid.Encode(r.id)
	var bad *badRequest
	var big *http.MaxBytesError
	var closed *protocol.CloseError
	switch {
	case errors.As(err, &bad):
		return (*problem)(bad)
	case errors.As(err, &big):
		return &problem{http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("the body is larger than the limit of %d bytes", big.Limit)}
	case errors.Is(err, store.ErrNoRoom):
		return &problem{http.StatusNotFound, "room_not_found", fmt.Sprintf("there is no room %q: it comes into being when somebody "+
			"connects to /rooms/%s, or with PUT %s", r.id, roomid.Encode(r.id), at)}
	case errors.Is(err, store.ErrNoVersion):
		return &problem{http.StatusNotFound, "version_not_found", fmt.Sprintf("room %q has no such version: GET %s/versions lists those "+
			"it has. A room that nobody wrote to has none", r.id, at)}
	case errors.Is(err, manage.ErrExists):
		return &problem{http.StatusConflict, "room_exists", fmt.Sprintf("something was written to room %q before: choose another id, or "+
			"delete it for good with DELETE %s?erase=true", r.id, at)}
	case errors.Is(err, manage.ErrIncomplete), errors.Is(err, crdt.ErrMalformed), errors.Is(err, crdt.ErrUnencodable):
		return &problem{http.StatusBadRequest, "invalid_update", "the body is no document: " + err.Error()}
	case errors.Is(err, crdt.ErrTooLarge):
		return &problem{http.StatusRequestEntityTooLarge, "too_large", err.Error()}
	case errors.Is(err, manage.ErrOtherGeneration):
		return &problem{http.StatusConflict, "other_generation", "the version is no earlier state of the present document, so it cannot " +
			`come back as an edit: restore it with {"as": "replacement"}`}
	case errors.Is(err, manage.ErrHealthy):
		return &problem{http.StatusConflict, "room_healthy", fmt.Sprintf("nothing is wrong with room %q", r.id)}
	case errors.Is(err, room.ErrDeleted), errors.As(err, &closed) && closed.Code == protocol.CloseDeleted:
		return &problem{http.StatusGone, "room_deleted", fmt.Sprintf("room %q was deleted: bring it back with POST %s/undelete", r.id, at)}
	case errors.Is(err, room.ErrCorrupt), errors.Is(err, room.ErrQuarantined):
		a.log.Error("a request about a damaged room", "room", r.id, "error", err)
		return &problem{http.StatusInternalServerError, "room_corrupt", "what is stored of the room, or of the version, failed its checks and " +
			"was left as it is: the server's log says which file or row. Restore that from a backup, or make the best of it with POST " + at + "/repair"}
	case errors.As(err, &closed):
		return &problem{http.StatusServiceUnavailable, "room_unavailable", closed.Reason}
	case errors.Is(err, room.ErrFenced):
		return &problem{http.StatusServiceUnavailable, "room_unavailable", "other servers keep opening the room: ask one of those, or try again"}
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil: // the client left
		return nil
	}
	a.log.Error("a request to the management API failed", "method", r.Method, "room", r.id, "error", err)
	return &problem{http.StatusServiceUnavailable, "storage_unavailable",
		"storage cannot do this just now; the server's log says why. Try again"}
}
