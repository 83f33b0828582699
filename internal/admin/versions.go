package admin

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/manage"
	"github.com/symphony-rtc/symphony/internal/store"
)

// versionBody describes a version of a room.
type versionBody struct {
	Number     uint64    `json:"number"`
	Created    time.Time `json:"created"`
	Kind       string    `json:"kind"`       // automatic, manual, replaced, damaged
	Label      string    `json:"label"`      // "" if nobody named it
	Generation uint64    `json:"generation"` // only versions of the room's generation can come back as an edit
	Updates    uint64    `json:"updates"`    // number of the newest update inside
	Bytes      int64     `json:"bytes"`      // stored
}

func describeVersion(v store.Version) versionBody {
	return versionBody{v.Number, v.Created, v.Kind, v.Label, v.Generation, v.Through, v.Bytes}
}

type versionsBody struct {
	Versions []versionBody `json:"versions"`
	Next     *string       `json:"next"` // path of the next page, null on the last one
}

const (
	maxJSON  = 64 << 10 // bytes of a body
	maxLabel = 1000     // bytes
)

// number reads the number of a version: a positive integer.
func number(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || n == 0 {
		return 0, invalid("invalid_version", "%q is no version: it has a number, from 1", text)
	}
	return n, nil
}

// versions answers GET /v1/rooms/{id}/versions?limit=100&before=n: newest first.
func (a *API) versions(w http.ResponseWriter, r request) error {
	limit, err := r.limit()
	if err != nil {
		return err
	}
	before := uint64(0)
	if text := r.query.Get("before"); text != "" {
		if before, err = number(text); err != nil {
			return err
		}
	}
	if _, err := a.room(r); err != nil {
		return err
	}
	list, err := a.stored.Versions(r.Context(), r.id, before, limit+1)
	if err != nil {
		return err
	}
	page := versionsBody{Versions: []versionBody{}}
	for i, v := range list {
		if i == limit {
			page.Next = r.nextPage(limit, "before", strconv.FormatUint(list[i-1].Number, 10))
			break
		}
		page.Versions = append(page.Versions, describeVersion(v))
	}
	writeJSON(w, http.StatusOK, page)
	return nil
}

// body reads a JSON object; an empty body is one without members.
func (r request) body(w http.ResponseWriter, into any) error {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxJSON))
	if err != nil {
		return bodyError(err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err = decoder.Decode(into); err == nil && decoder.More() {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return invalid("invalid_body", "the body is not the JSON that is wanted here: %v", err)
	}
	return nil
}

type labelBody struct {
	Label *string `json:"label"`
}

func (r request) labelBody(w http.ResponseWriter) (label string, given bool, err error) {
	var body labelBody
	if err := r.body(w, &body); err != nil || body.Label == nil {
		return "", false, err
	}
	if len(*body.Label) > maxLabel || !utf8.ValidString(*body.Label) {
		return "", true, invalid("invalid_label", "a label is a text of at most %d bytes", maxLabel)
	}
	return *body.Label, true, nil
}

// keep answers POST /v1/rooms/{id}/versions {"label": ""}: the present state becomes a version.
func (a *API) keep(w http.ResponseWriter, r request) error {
	label, _, err := r.labelBody(w)
	if err != nil {
		return err
	}
	v, err := a.rooms.Keep(r.Context(), r.id, label)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, describeVersion(v))
	return nil
}

// findVersion describes the version that the path names.
func (a *API) findVersion(r request) (store.Version, error) {
	n, err := number(r.version)
	if err != nil {
		return store.Version{}, err
	}
	if _, err := a.room(r); err != nil {
		return store.Version{}, err
	}
	list, err := a.stored.Versions(r.Context(), r.id, n+1, 1)
	if err == nil && (len(list) == 0 || list[0].Number != n) {
		err = store.ErrNoVersion
	}
	if err != nil {
		return store.Version{}, err
	}
	return list[0], nil
}

// version answers GET /v1/rooms/{id}/versions/{n}.
func (a *API) version(w http.ResponseWriter, r request) error {
	v, err := a.findVersion(r)
	if err == nil {
		writeJSON(w, http.StatusOK, describeVersion(v))
	}
	return err
}

// label answers PATCH /v1/rooms/{id}/versions/{n} {"label": "name"}.
func (a *API) label(w http.ResponseWriter, r request) error {
	label, given, err := r.labelBody(w)
	if err != nil {
		return err
	}
	v, err := a.findVersion(r)
	if err != nil {
		return err
	}
	if !given {
		return invalid("invalid_body", `send {"label": "name"}, or "" to take the name away`)
	}
	if err := a.stored.Label(r.Context(), r.id, v.Number, label); err != nil {
		return err
	}
	v.Label = label
	writeJSON(w, http.StatusOK, describeVersion(v))
	return nil
}

// drop answers DELETE /v1/rooms/{id}/versions/{n}.
func (a *API) drop(w http.ResponseWriter, r request) error {
	v, err := a.findVersion(r)
	if err == nil {
		err = a.stored.Drop(r.Context(), r.id, v.Number)
	}
	if err != nil {
		return err
	}
	a.log.Info("a version was dropped", "room", r.id, "version", v.Number, "label", v.Label)
	noContent(w)
	return nil
}

func (a *API) readVersion(r request) (*crdt.Doc, error) {
	n, err := number(r.version)
	if err != nil {
		return nil, err
	}
	if _, err := a.room(r); err != nil {
		return nil, err
	}
	_, doc, err := a.rooms.Version(r.Context(), r.id, n)
	return doc, err
}

// versionDocument answers GET /v1/rooms/{id}/versions/{n}/document.
func (a *API) versionDocument(w http.ResponseWriter, r request) error {
	doc, err := a.readVersion(r)
	if err == nil {
		writeDocument(w, doc)
	}
	return err
}

// versionUpdate answers GET /v1/rooms/{id}/versions/{n}/update?format=v1|v2.
func (a *API) versionUpdate(w http.ResponseWriter, r request) error {
	encode, err := r.format()
	if err != nil {
		return err
	}
	doc, err := a.readVersion(r)
	if err != nil {
		return err
	}
	update, err := encode(doc)
	if err == nil {
		write(w, updateType, update)
	}
	return err
}

// state reads which state of a room a query means: a version's number, or the present one.
func (r request) state(name, otherwise string) (uint64, error) {
	text := r.query.Get(name)
	if text == "" {
		text = otherwise
	}
	switch text {
	case "present":
		return manage.Present, nil
	case "":
		return 0, invalid("invalid_version", "say with %s which state to compare: the number of a version, or present", name)
	}
	return number(text)
}

// diff answers GET /v1/rooms/{id}/diff?from=n&to=n|present: a JSON Patch between documents as /document shows them.
func (a *API) diff(w http.ResponseWriter, r request) error {
	from, err := r.state("from", "")
	if err != nil {
		return err
	}
	to, err := r.state("to", "present")
	if err != nil {
		return err
	}
	if _, err := a.room(r); err != nil {
		return err
	}
	leave, entered := a.enter(w)
	if !entered {
		return nil
	}
	defer leave()
	patch, err := a.rooms.Diff(r.Context(), r.id, from, to)
	if err != nil {
		return err
	}
	text, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	write(w, "application/json-patch+json", append(text, '\n'))
	return nil
}

type restoreBody struct {
	As string `json:"as"` // edit (the default) or replacement
}

// restoredBody says what a restore did.
type restoredBody struct {
	As         string  `json:"as"`
	Before     *uint64 `json:"before"` // version with the state before; null if there was nothing to change
	Generation uint64  `json:"generation"`
}

// restore answers POST /v1/rooms/{id}/versions/{n}/restore {"as": "edit"|"replacement"}.
func (a *API) restore(w http.ResponseWriter, r request) error {
	body := restoreBody{As: "edit"}
	if err := r.body(w, &body); err != nil {
		return err
	}
	n, err := number(r.version)
	if err != nil {
		return err
	}
	if _, err := a.room(r); err != nil {
		return err
	}
	var before uint64
	switch body.As {
	case "edit":
		before, err = a.rooms.Revert(r.Context(), r.id, n)
	case "replacement":
		before, err = a.rooms.Restore(r.Context(), r.id, n)
	default:
		return invalid("invalid_restore", "restore as edit (members stay, it can be undone) or as replacement (everybody starts over)")
	}
	if err != nil {
		return err
	}
	now, err := a.room(r)
	if err != nil {
		return err
	}
	a.log.Info("a version was restored", "room", r.id, "version", n, "as", body.As, "before", before)
	done := restoredBody{As: body.As, Generation: now.Generation}
	if before != 0 {
		done.Before = &before
	}
	writeJSON(w, http.StatusOK, done)
	return nil
}
