package admin

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
)

const (
	defaultPage = 100
	maxPage     = 1000
)

// roomBody describes a room. What the store knows is there for every room; what only the room's host knows is zero for
// a room that is not open on this server.
type roomBody struct {
	ID         string     `json:"id"`
	Open       bool       `json:"open"`           // in memory on this server; asked of a cluster's proxy: on any host, see Located
	Host       string     `json:"host,omitempty"` // in a cluster: which one
	Members    int        `json:"members"`        // connections
	Present    int        `json:"present"`        // clients with a presence state
	Created    time.Time  `json:"created"`        // first opened
	Updated    *time.Time `json:"updated"`        // newest durable update; null if there never was one
	LastActive time.Time  `json:"lastActive"`     // last opened, saved or released
	Updates    uint64     `json:"updates"`        // number of the newest update
	Durable    uint64     `json:"durable"`        // number of the newest durable update
	Epoch      uint64     `json:"epoch"`
	Generation uint64     `json:"generation"`
	Bytes      bytesBody  `json:"bytes"`
	Error      string     `json:"error,omitempty"` // why storing does not work just now

	Deleted     *time.Time `json:"deleted"`              // null if it is not
	Quarantine  string     `json:"quarantine,omitempty"` // what is damaged, so that it can only be read
	MostMembers int        `json:"mostMembers"`          // connections at the same time, ever
	Joins       int64      `json:"joins"`                // connections, ever
}

type bytesBody struct {
	Snapshot int64 `json:"snapshot"` // stored
	Journal  int64 `json:"journal"`  // stored, beside the snapshot
	Memory   int   `json:"memory"`   // of the open document, about
}

type pageBody struct {
	Rooms []roomBody `json:"rooms"`
	Next  *string    `json:"next"` // path of the next page, null on the last one
}

func (a *API) body(stored store.Room) roomBody {
	body := roomBody{
		ID: stored.ID, Created: stored.Created, LastActive: stored.LastActive,
		Updates: stored.LastSeq, Durable: stored.LastSeq, Epoch: stored.Epoch, Generation: stored.Generation,
		Bytes:   bytesBody{Snapshot: stored.SnapshotBytes, Journal: stored.JournalBytes},
		Updated: orNull(stored.Updated), Deleted: orNull(stored.Deleted), Quarantine: stored.Quarantine,
		Members: stored.Members, MostMembers: stored.MostMembers, Joins: stored.Joins,
	}
	if info, open := a.host.Info(stored.ID); open {
		body.addOpen(info)
		body.Host = a.o.Host
	}
	return body
}

func (b *roomBody) addOpen(info room.Info) {
	b.Open, b.Members, b.Present, b.Error = true, info.Members, info.Present, info.Error
	b.Updates, b.Durable, b.Epoch, b.Generation = info.Updates, info.Durable, info.Epoch, info.Generation
	b.Bytes.Memory = info.Bytes
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// room reads what is known of a room. One whose record is damaged is described all the same.
func (a *API) room(r request) (roomBody, error) {
	stored, err := a.stored.Room(r.Context(), r.id)
	if errors.Is(err, room.ErrCorrupt) && stored.Quarantine == "" {
		stored.Quarantine = store.Reason(err)
	} else if err != nil && !errors.Is(err, room.ErrCorrupt) {
		return roomBody{}, err
	}
	return a.body(stored), nil
}

// answer answers with the description of a room.
func (a *API) answer(w http.ResponseWriter, r request, status int) error {
	body, err := a.room(r)
	if err == nil {
		writeJSON(w, status, body)
	}
	return err
}

// describe answers GET /v1/rooms/{id}.
func (a *API) describe(w http.ResponseWriter, r request) error { return a.answer(w, r, http.StatusOK) }

// limit reads the query's limit.
func (r request) limit() (int, error) {
	text := r.query.Get("limit")
	if text == "" {
		return defaultPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		return 0, invalid("invalid_limit", "limit is a number from 1 to %d", maxPage)
	}
	return n, nil
}

// nextPage is the path of the page that begins where a cursor says.
func (r request) nextPage(limit int, cursor, value string) *string {
	next := r.URL.EscapedPath() + "?" + url.Values{"limit": {strconv.Itoa(limit)}, cursor: {value}}.Encode()
	return &next
}

// list answers GET /v1/rooms?limit=100&after=id: rooms in the byte order of their ids.
func (a *API) list(w http.ResponseWriter, r request) error {
	limit, err := r.limit()
	if err != nil {
		return err
	}
	// One more than fits on the page tells whether there is another.
	rooms, err := a.stored.Rooms(r.Context(), r.query.Get("after"), limit+1)
	if err != nil {
		return err
	}
	page := pageBody{Rooms: []roomBody{}}
	for i, stored := range rooms {
		if i == limit {
			page.Next = r.nextPage(limit, "after", rooms[i-1].ID)
			break
		}
		page.Rooms = append(page.Rooms, a.body(stored))
	}
	writeJSON(w, http.StatusOK, page)
	return nil
}
