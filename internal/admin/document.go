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

// formats are the encodings of documents, by the name that a query gives them.
var formats = map[string]func(*crdt.Doc) ([]byte, error){"": encodeV1, "v1": encodeV1, "v2": encodeV2}

// format returns how to encode a document as the query wants it.
func (r request) format() (func(*crdt.Doc) ([]byte, error), error) {
	encode := formats[r.query.Get("format")]
	if encode == nil {
		return nil, invalid("invalid_format", "format is v1 (the default) or v2")
	}
	return encode, nil
}

// update answers GET /v1/rooms/{id}/update?format=v1|v2: what yjs' encodeStateAsUpdate and encodeStateAsUpdateV2 return.
func (a *API) update(w http.ResponseWriter, r request) error {
	encode, err := r.format()
	if err != nil {
		return err
	}
	update, err := a.read(r.Context(), r.id, encode)
	if err == nil {
		write(w, updateType, update)
	}
	return err
}

const updateType = "application/octet-stream"

// document answers GET /v1/rooms/{id}/document: one JSON object with every root type by its name.
func (a *API) document(w http.ResponseWriter, r request) error {
	// The room is held up only while its document is copied, which is quick; not while it is rendered.
	doc, err := a.rooms.Document(r.Context(), r.id)
	if err == nil {
		writeDocument(w, doc)
	}
	return err
}

func writeDocument(w http.ResponseWriter, doc *crdt.Doc) {
	write(w, jsonType, append(doc.AppendJSON(nil), '\n'))
}

func write(w http.ResponseWriter, contentType string, body []byte) {
	setHeaders(w, contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the client left: nobody to tell
}
