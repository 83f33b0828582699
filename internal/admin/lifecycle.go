package admin

import (
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/room"
)

// create answers PUT /v1/rooms/{id}?format=v1|v2: the body, if there is one, is the room's first content.
func (a *API) create(w http.ResponseWriter, r request) error {
	if _, err := r.format(); err != nil {
		return err
	}
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, a.o.MaxUpdate))
	if err != nil {
		return bodyError(err)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); len(content) > 0 && (err != nil || kind != updateType) {
		return &badRequest{http.StatusUnsupportedMediaType, "unsupported_content_type",
			"the body is a Yjs update: send it with the header `Content-Type: application/octet-stream`, or send none"}
	}
	if len(content) > 0 && r.query.Get("format") == "v2" {
		if content, err = crdt.ConvertUpdateFormatV2ToV1(content); err != nil {
			return err
		}
	}
	if err := a.rooms.Create(r.Context(), r.id, content); err != nil {
		return err
	}
	a.log.Info("a room was created", "room", r.id, "bytes", len(content))
	return a.answer(w, r, http.StatusCreated)
}

// bodyError is what went wrong while a body was read: with the client, if it is not too large.
func bodyError(err error) error {
	if _, tooLarge := err.(*http.MaxBytesError); tooLarge {
		return err
	}
	return &badRequest{http.StatusBadRequest, "invalid_body", fmt.Sprintf("the body could not be read to its end: %v", err)}
}

// remove answers DELETE /v1/rooms/{id}?erase=true.
func (a *API) remove(w http.ResponseWriter, r request) error {
	switch r.query.Get("erase") {
	case "", "false":
		if err := a.rooms.Delete(r.Context(), r.id); err != nil {
			return err
		}
		a.log.Info("a room was deleted", "room", r.id)
		return a.answer(w, r, http.StatusOK)
	case "true":
		if err := a.rooms.Erase(r.Context(), r.id); err != nil {
			return err
		}
		a.log.Info("a room was erased", "room", r.id)
		noContent(w)
		return nil
	}
	return invalid("invalid_erase", "erase is true (for good) or false (the default)")
}

func noContent(w http.ResponseWriter) {
	setHeaders(w, jsonType)
	w.Header().Del("Content-Type")
	w.WriteHeader(http.StatusNoContent)
}

// undelete answers POST /v1/rooms/{id}/undelete.
func (a *API) undelete(w http.ResponseWriter, r request) error {
	if err := a.rooms.Undelete(r.Context(), r.id); err != nil {
		return err
	}
	a.log.Info("a deleted room was brought back", "room", r.id)
	return a.answer(w, r, http.StatusOK)
}

// repairedBody says what a repair did. See manage.Repaired.
type repairedBody struct {
	Rechecked bool     `json:"rechecked"`
	Damage    []string `json:"damage"`
	Through   uint64   `json:"through"`
	Updates   int      `json:"updates"`
	Newest    uint64   `json:"newest"`
}

// repair answers POST /v1/rooms/{id}/repair.
func (a *API) repair(w http.ResponseWriter, r request) error {
	info, err := a.stored.Room(r.Context(), r.id)
	if err == nil && !info.Deleted.IsZero() {
		return room.ErrDeleted
	}
	done, err := a.rooms.Repair(r.Context(), r.id)
	if err != nil {
		return err
	}
	body := repairedBody{Rechecked: done.Rechecked, Damage: []string{}, Through: done.Through, Updates: done.Updates, Newest: done.Newest}
	for _, damage := range done.Damage {
		body.Damage = append(body.Damage, damage.Error())
	}
	a.log.Warn("a room was repaired", "room", r.id, "damage", body.Damage)
	writeJSON(w, http.StatusOK, body)
	return nil
}

// move answers POST /v1/rooms/{id}/move with {"to": host}: the room goes to that host, or to any if none is named.
func (a *API) move(w http.ResponseWriter, r request) error {
	var body struct {
		To string `json:"to"`
	}
	if err := r.body(w, &body); err != nil {
		return err
	}
	if a.o.Move == nil {
		return &badRequest{http.StatusConflict, "no_cluster", "this server is alone: rooms move between the hosts of a cluster"}
	}
	if _, open := a.host.Info(r.id); !open {
		return &badRequest{http.StatusConflict, "room_closed", fmt.Sprintf("room %q is not open: nobody has to move it", r.id)}
	}
	if err := a.o.Move(r.Context(), r.id, body.To); err != nil {
		return err
	}
	a.log.Info("a room was moved away", "room", r.id, "to", body.To)
	noContent(w)
	return nil
}
