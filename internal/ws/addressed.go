package ws

import "net/http"

// HostHeader names a host of a cluster (cluster.Host.ID): in the request of a proxy the one that it is for, in an answer the one that
// gives it. An address may belong to another process by the time a proxy connects to it, of this cluster or of any other.
const HostHeader = "Symphony-Host"

// Addressed passes on requests that are for the host with this id or for none in particular, and names the host in the answers.
// Requests for others are answered with status 421 (RFC 9110 section 15.5.20).
func Addressed(next http.Handler, id string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(HostHeader, id)
		if asked := r.Header.Get(HostHeader); asked != "" && asked != id {
			Refuse(w, &HTTPError{http.StatusMisdirectedRequest, "another host has this address now"})
			return
		}
		next.ServeHTTP(w, r)
	})
}
