package admin

import (
	"fmt"
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

// roomBody describes a room. What the store knows is there for every room, Open's fields are zero for a room that is
// not open.
type roomBody struct {
	ID         string     `json:"id"`
	Open       bool       `json:"open"`       // in memory on this server
	Members    int        `json:"members"`    // connections
	Present    int        `json:"present"`    // clients with a presence state
	Created    time.Time  `json:"created"`    // first opened
	Updated    *time.Time `json:"updated"`    // newest durable update; null if there never was one
	LastActive time.Time  `json:"lastActive"` // last opened, saved or released
	Updates    uint64     `json:"updates"`    // number of the newest update
	Durable    uint64     `json:"durable"`    // number of the newest durable update
	Epoch      uint64     `json:"epoch"`
	Generation uint64     `json:"generation"`
	Bytes      bytesBody  `json:"bytes"`
	Error      string     `json:"error,omitempty"` // why storing does not work just now
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
		Bytes: bytesBody{Snapshot: stored.SnapshotBytes, Journal: stored.JournalBytes},
	}
	if !stored.Updated.IsZero() {
		body.Updated = &stored.Updated
	}
	if info, open := a.host.Info(stored.ID); open {
		body.addOpen(info)
	}
	return body
}

func (b *roomBody) addOpen(info room.Info) {
	b.Open, b.Members, b.Present, b.Error = true, info.Members, info.Present, info.Error
	b.Updates, b.Durable, b.Epoch, b.Generation = info.Updates, info.Durable, info.Epoch, info.Generation
	b.Bytes.Memory = info.Bytes
}

// describe answers GET /v1/rooms/{id}.
func (a *API) describe(w http.ResponseWriter, r *http.Request, id string) {
	stored, err := a.stored.Room(r.Context(), id)
	if err != nil {
		a.fail(w, r, id, err)
		return
	}
	writeJSON(w, http.StatusOK, a.body(stored))
}

// list answers GET /v1/rooms?limit=100&after=id: rooms in the byte order of their ids.
func (a *API) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	limit := defaultPage
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			writeError(w, http.StatusBadRequest, "invalid_limit", fmt.Sprintf("limit is a number from 1 to %d", maxPage))
			return
		}
		limit = n
	}
	// One more than fits on the page tells whether there is another.
	rooms, err := a.stored.Rooms(r.Context(), query.Get("after"), limit+1)
	if err != nil {
		a.fail(w, r, "", err)
		return
	}
	page := pageBody{Rooms: []roomBody{}}
	for i, stored := range rooms {
		if i == limit {
			next := roomsPath + "?" + url.Values{"limit": {strconv.Itoa(limit)}, "after": {rooms[i-1].ID}}.Encode()
			page.Next = &next
			break
		}
		page.Rooms = append(page.Rooms, a.body(stored))
	}
	writeJSON(w, http.StatusOK, page)
}
