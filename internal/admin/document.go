package admin

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/symphony-rtc/symphony/crdt"
)

// read returns the whole document of a room as a V1 update or a V2 update. An open room is read as its members see it;
// any other as it is stored, without opening it.
func (a *API) read(ctx context.Context, id string, encode func(*crdt.Doc) ([]byte, error)) (update []byte, err error) {
	if a.host.View(id, func(doc *crdt.Doc) { update, err = encode(doc) }) {
		return update, err
	}
	stored, err := a.stored.Read(ctx, id)
	if err != nil {
		return nil, err
	}
	doc, err := stored.Document()
	if err != nil {
		return nil, fmt.Errorf("read room %q: %w", id, err)
	}
	return encode(doc)
}

func encodeV1(doc *crdt.Doc) ([]byte, error) { return doc.EncodeStateAsUpdate(nil) }
func encodeV2(doc *crdt.Doc) ([]byte, error) { return doc.EncodeStateAsUpdateV2(nil) }

// update answers GET /v1/rooms/{id}/update?format=v1|v2: what yjs' encodeStateAsUpdate and encodeStateAsUpdateV2 return.
func (a *API) update(w http.ResponseWriter, r *http.Request, id string) {
	encode := encodeV1
	switch r.URL.Query().Get("format") {
	case "", "v1":
	case "v2":
		encode = encodeV2
	default:
		writeError(w, http.StatusBadRequest, "invalid_format", "format is v1 (the default) or v2")
		return
	}
	update, err := a.read(r.Context(), id, encode)
	if err != nil {
		a.fail(w, r, id, err)
		return
	}
	write(w, "application/octet-stream", update)
}

// document answers GET /v1/rooms/{id}/document: one JSON object with every root type by its name.
func (a *API) document(w http.ResponseWriter, r *http.Request, id string) {
	// The room is held up only while its document is copied, which is quick; not while it is rendered.
	update, err := a.read(r.Context(), id, encodeV2)
	if err != nil {
		a.fail(w, r, id, err)
		return
	}
	doc := crdt.NewDoc(crdt.Options{})
	if _, err := doc.ApplyUpdateV2(update); err != nil {
		a.fail(w, r, id, fmt.Errorf("copy the document of room %q: %w", id, err))
		return
	}
	write(w, jsonType, append(doc.AppendJSON(nil), '\n'))
}

func write(w http.ResponseWriter, contentType string, body []byte) {
	setHeaders(w, contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the client left: nobody to tell
}
