// Package admin is the management API: what operators and their tools ask of a running server over HTTP. docs/management.md
// describes it for those who use it.
package admin

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/manage"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/roomid"
	"github.com/symphony-rtc/symphony/internal/store"
)

// Host is what the API asks of the rooms that are open (room.Host).
type Host interface {
	Info(id string) (room.Info, bool)
	View(id string, read func(*crdt.Doc)) bool
}

// Options of NewAPI.
type Options struct {
	// Token, if it is not empty, has to come with every request, as `Authorization: Bearer`.
	Token string
	// ReadOnly refuses whatever changes something: for a server that others can reach and that has no Token.
	ReadOnly bool
	// MaxUpdate is the largest document that is taken as a body, in bytes; 64 MiB.
	MaxUpdate int64
	// Version is what this program calls itself, for the manifests of exports.
	Version string
	// Host is what this server is called in its cluster; "" where there is no other host.
	Host string
	// Move lets go of a room for the host with the id to, or for any if that is empty; nil where there is no other host.
	Move func(ctx context.Context, id, to string) error
}

const (
	defaultMaxUpdate = 64 << 20
	maxHeavy         = 2 // comparisons, exports and imports at a time: each holds whole documents
)

// API answers requests under /v1/. Reading does not open rooms. It is safe for concurrent use.
type API struct {
	host   Host
	rooms  *manage.Manager
	stored *store.Store
	log    *slog.Logger
	o      Options
	heavy  chan struct{} // has a place for each heavy request that may run
}

// NewAPI returns the API over the open rooms of host and everything that rooms manages.
func NewAPI(host Host, rooms *manage.Manager, log *slog.Logger, o Options) *API {
	o.MaxUpdate = cmp.Or(o.MaxUpdate, defaultMaxUpdate)
	return &API{host: host, rooms: rooms, stored: rooms.Store(), log: log, o: o, heavy: make(chan struct{}, maxHeavy)}
}

const (
	roomsPath  = "/v1/rooms"
	exportPath = "/v1/export"
	importPath = "/v1/import"
)

// request is what a path named.
type request struct {
	*http.Request
	id      string // of a room
	version string // segment that should be a version's number
	query   url.Values
}

// handler answers one method of one resource. An error is answered by fail.
type handler func(a *API, w http.ResponseWriter, r request) error

// resources are the handlers of what is below a room, by path (with {n} for a version) and method.
var resources = map[string]map[string]handler{
	"": {
		http.MethodGet: (*API).describe, http.MethodPut: (*API).create, http.MethodDelete: (*API).remove,
	},
	"document":              {http.MethodGet: (*API).document},
	"update":                {http.MethodGet: (*API).update},
	"undelete":              {http.MethodPost: (*API).undelete},
	"repair":                {http.MethodPost: (*API).repair},
	"move":                  {http.MethodPost: (*API).move},
	"visits":                {http.MethodGet: (*API).visits},
	"diff":                  {http.MethodGet: (*API).diff},
	"versions":              {http.MethodGet: (*API).versions, http.MethodPost: (*API).keep},
	"versions/{n}":          {http.MethodGet: (*API).version, http.MethodPatch: (*API).label, http.MethodDelete: (*API).drop},
	"versions/{n}/document": {http.MethodGet: (*API).versionDocument},
	"versions/{n}/update":   {http.MethodGet: (*API).versionUpdate},
	"versions/{n}/restore":  {http.MethodPost: (*API).restore},
}

var (
	listing   = map[string]handler{http.MethodGet: (*API).list}
	exporting = map[string]handler{http.MethodGet: (*API).export}
	importing = map[string]handler{http.MethodPost: (*API).importRooms}
)

const noResource = "a room has document, update, versions, versions/{n}, diff, visits, repair, undelete and move below it; " +
	"write a slash in its id as %2F"

// ServeHTTP finds the method by the path as the client sent it, since a room id may look like navigation.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if problem := a.authenticate(w, r); problem != nil {
		problem.write(w)
		return
	}
	methods, req, problem := find(r)
	if problem != nil {
		problem.write(w)
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	handle := methods[method]
	if handle == nil {
		notAllowed(w, methods)
		return
	}
	if problem := a.permit(r); problem != nil {
		problem.write(w)
		return
	}
	if err := handle(a, w, req); err != nil {
		a.fail(w, req, err)
	}
}

// find says what can be done with what the path names.
func find(r *http.Request) (map[string]handler, request, *problem) {
	req := request{Request: r, query: r.URL.Query()}
	path := r.URL.EscapedPath()
	rest, found := strings.CutPrefix(path, roomsPath)
	switch {
	case path == exportPath:
		return exporting, req, nil
	case path == importPath:
		return importing, req, nil
	case found && (rest == "" || rest == "/"):
		return listing, req, nil
	case !found || !strings.HasPrefix(rest, "/"):
		return nil, req, &problem{http.StatusNotFound, "not_found", "no such resource: rooms are at " + roomsPath +
			", copies at " + exportPath + " and " + importPath}
	}
	segment, view, _ := strings.Cut(rest[1:], "/")
	var err error
	if req.id, err = roomid.Decode(segment); err != nil {
		return nil, req, &problem{http.StatusBadRequest, "invalid_room_id", err.Error()}
	}
	parts := strings.Split(view, "/")
	if len(parts) > 1 && parts[0] == "versions" {
		req.version, parts[1] = parts[1], "{n}"
	}
	methods := resources[strings.Join(parts, "/")]
	if methods == nil {
		return nil, req, &problem{http.StatusNotFound, "not_found", noResource}
	}
	return methods, req, nil
}

func notAllowed(w http.ResponseWriter, methods map[string]handler) {
	var names []string
	for method := range methods {
		names = append(names, method)
		if method == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	slices.Sort(names)
	allow := strings.Join(names, ", ")
	w.Header().Set("Allow", allow)
	writeError(w, http.StatusMethodNotAllowed, "method_not_allowed", "this resource takes "+allow)
}

// enter takes a place for a heavy request, or answers that there is none.
func (a *API) enter(w http.ResponseWriter) (leave func(), entered bool) {
	select {
	case a.heavy <- struct{}{}:
		return func() { <-a.heavy }, true
	default:
		w.Header().Set("Retry-After", "1")
		writeError(w, http.StatusTooManyRequests, "busy",
			"the server is busy with other comparisons, exports or imports: try again in a moment")
		return nil, false
	}
}
