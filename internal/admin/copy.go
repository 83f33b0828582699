package admin

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/symphony-rtc/symphony/internal/archive"
	"github.com/symphony-rtc/symphony/internal/manage"
	"github.com/symphony-rtc/symphony/internal/roomid"
)

// flag reads a query's true or false.
func (r request) flag(name string) (bool, error) {
	switch r.query.Get(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, invalid("invalid_"+name, "%s is true or false", name)
}

// export answers GET /v1/export?room=id&room=id or ?all=true, with &versions=true&compress=true: an archive of rooms
// (docs/export.md). If storage fails in the middle, the connection is cut, and the archive has no end.
func (a *API) export(w http.ResponseWriter, r request) error {
	what := manage.Export{Rooms: r.query["room"]}
	var compress bool
	for name, into := range map[string]*bool{"all": &what.All, "versions": &what.Versions, "compress": &compress} {
		var err error
		if *into, err = r.flag(name); err != nil {
			return err
		}
	}
	if what.All == (len(what.Rooms) > 0) {
		return invalid("invalid_rooms", "say which rooms to export: room=id for each, or all=true")
	}
	for _, id := range what.Rooms {
		r.id = id
		err := roomid.Check(id)
		if err != nil {
			return invalid("invalid_room_id", "%v", err)
		}
		if err = a.rooms.Exportable(r.Context(), id); err != nil {
			a.fail(w, r, err)
			return nil
		}
	}
	leave, entered := a.enter(w)
	if !entered {
		return nil
	}
	defer leave()
	contentType, name := "application/x-tar", "rooms.tar"
	if compress {
		contentType, name = "application/zstd", "rooms.tar.zst"
	}
	setHeaders(w, contentType)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	if r.Method == http.MethodHead {
		return nil
	}
	began := time.Now()
	aw, err := archive.NewWriter(w, archive.Manifest{Created: time.Now().UTC(), Server: "symphony " + a.o.Version}, compress)
	if err == nil {
		err = a.rooms.Export(r.Context(), aw, what)
	}
	if err == nil {
		err = aw.Close()
	}
	if err != nil {
		if r.Context().Err() == nil {
			a.log.Error("an export was cut off", "error", err)
		}
		panic(http.ErrAbortHandler) // so that nobody takes what was sent for the whole
	}
	a.log.Info("rooms were exported", "damaged", aw.Damaged(), "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// importedBody says what an import did.
type importedBody struct {
	Rooms    int `json:"rooms"` // in the archive
	Created  int `json:"created"`
	Replaced int `json:"replaced"`
	Skipped  int `json:"skipped"`
	Versions int `json:"versions"` // that were made
}

// importRooms answers POST /v1/import?existing=refuse|replace|skip with an archive as its body, which is read to its end and
// checked before anything is changed.
func (a *API) importRooms(w http.ResponseWriter, r request) error {
	done := manage.Import{Existing: r.query.Get("existing")}
	switch done.Existing {
	case "":
		done.Existing = manage.Refuse
	case manage.Refuse, manage.Replace, manage.Skip:
	default:
		return invalid("invalid_existing", "existing is refuse (the default), replace or skip")
	}
	leave, entered := a.enter(w)
	if !entered {
		return nil
	}
	defer leave()
	spooled, err := archive.Spool(r.Body)
	if err != nil {
		a.log.Error("an import could not be received", "error", err)
		return &badRequest{http.StatusBadRequest, "invalid_body", fmt.Sprintf("the archive could not be received to its end: %v", err)}
	}
	defer func() {
		if err := spooled.Close(); err != nil {
			a.log.Error("the temporary file of an import is left", "error", err)
		}
	}()
	if err := a.check(r, spooled, done.Existing); err != nil {
		return err
	}
	archived, err := spooled.Reader()
	if err != nil {
		return err
	}
	began := time.Now()
	err = a.rooms.Import(r.Context(), archived, &done)
	a.log.Info("rooms were imported", "rooms", done.Rooms, "created", done.Created, "replaced", done.Replaced, "skipped", done.Skipped,
		"took", time.Since(began).Round(time.Millisecond), "error", err)
	if err != nil {
		return &badRequest{http.StatusServiceUnavailable, "import_incomplete", fmt.Sprintf("%d rooms were created and %d replaced, then it failed: %v. "+
			"Import it again, leaving out what is there with existing=skip", done.Created, done.Replaced, err)}
	}
	writeJSON(w, http.StatusOK, importedBody{done.Rooms, done.Created, done.Replaced, done.Skipped, done.Versions})
	return nil
}

// check says why an archive is not imported.
func (a *API) check(r request, spooled *archive.Spooled, existing string) error {
	archived, err := spooled.Reader()
	if err != nil {
		return err
	}
	_, err = a.rooms.Check(r.Context(), archived, existing)
	var conflict *manage.ConflictError
	var unread *manage.UnreadableError
	switch {
	case errors.As(err, &conflict):
		return &badRequest{http.StatusConflict, "rooms_exist", "nothing was imported: " + conflict.Error() +
			". Leave them out with existing=skip, or replace those that are not deleted or damaged with existing=replace"}
	case errors.As(err, &unread):
		return &badRequest{http.StatusBadRequest, "invalid_archive", "nothing was imported: " + err.Error()}
	}
	return err
}
