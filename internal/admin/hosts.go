package admin

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// HostsPath is the resource that Hosts answers.
const HostsPath = "/v1/hosts"

// Hosts answers GET /v1/hosts with the hosts of the cluster as list knows them, ordered by their ids. It needs o.Token.
func Hosts(list func() []cluster.Host, o Options) http.Handler {
	access := &API{o: o}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if problem := access.authenticate(w, r); problem != nil {
			problem.write(w)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			notAllowed(w, listing)
			return
		}
		hosts := list()
		slices.SortFunc(hosts, func(a, b cluster.Host) int { return cmp.Compare(a.ID, b.ID) })
		writeJSON(w, http.StatusOK, struct {
			Hosts []cluster.Host `json:"hosts"`
		}{append([]cluster.Host{}, hosts...)})
	})
}
