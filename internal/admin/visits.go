package admin

import (
	"net/http"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
)

// visitBody is one stay of a connection in a room.
type visitBody struct {
	Connection string     `json:"connection"`
	Protocol   string     `json:"protocol"` // symphony.v1 or yjs
	Joined     time.Time  `json:"joined"`
	Left       *time.Time `json:"left"`             // null while it lasts, and if the server died meanwhile
	Reason     string     `json:"reason,omitempty"` // why the server ended it, if it did
}

type visitsBody struct {
	Visits []visitBody `json:"visits"`
	Next   *string     `json:"next"` // path of the next page, null on the last one
}

// visits answers GET /v1/rooms/{id}/visits?limit=100&before=time: newest first. A page may be a little longer than its limit, so
// that connections of the same millisecond are on one page.
func (a *API) visits(w http.ResponseWriter, r request) error {
	limit, err := r.limit()
	if err != nil {
		return err
	}
	var before time.Time
	if text := r.query.Get("before"); text != "" {
		if before, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return invalid("invalid_before", "before is a time like %s", time.Now().UTC().Format(time.RFC3339))
		}
	}
	if _, err := a.room(r); err != nil {
		return err
	}
	list, more, err := a.visitsPage(r, before, limit)
	if err != nil {
		return err
	}
	page := visitsBody{Visits: []visitBody{}}
	for _, v := range list {
		page.Visits = append(page.Visits, visitBody{v.Connection, v.Protocol, v.Joined, orNull(v.Left), v.Reason})
	}
	if more {
		page.Next = r.nextPage(limit, "before", list[len(list)-1].Joined.UTC().Format(time.RFC3339Nano))
	}
	writeJSON(w, http.StatusOK, page)
	return nil
}

// visitsPage reads limit visits, and those more that joined at the same time as the last.
func (a *API) visitsPage(r request, before time.Time, limit int) (list []store.Visit, more bool, err error) {
	for ask := limit + 1; ; ask *= 2 {
		if list, err = a.stored.Visits(r.Context(), r.id, before, ask); err != nil || len(list) <= limit {
			return list, false, err
		}
		for end := limit; end < len(list); end++ {
			if !list[end].Joined.Equal(list[limit-1].Joined) {
				return list[:end], true, nil
			}
		}
		if len(list) < ask {
			return list, false, nil
		}
	}
}
