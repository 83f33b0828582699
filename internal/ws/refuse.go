package ws

import (
	"errors"
	"net/http"
)

// HTTPError is an answer to a request that cannot become a WebSocket.
type HTTPError struct {
	Status int
	Text   string // for a person
}

func (e *HTTPError) Error() string { return e.Text }

// Refuse answers a request with an error: an *HTTPError as it says, any other with status 500.
func Refuse(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var h *HTTPError
	if errors.As(err, &h) {
		status = h.Status
	}
	switch status {
	case http.StatusUpgradeRequired:
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Sec-WebSocket-Version", "13")
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodGet)
	}
	http.Error(w, err.Error(), status)
}
