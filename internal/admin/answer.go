package admin

import (
	"encoding/json"
	"net/http"
)

// apiError is the body of every answer that is not a success.
type apiError struct {
	Error struct {
		Code    string `json:"code"`    // stable, for programs
		Message string `json:"message"` // for people: what is wrong and what to do next
	} `json:"error"`
}

const jsonType = "application/json; charset=utf-8"

func writeError(w http.ResponseWriter, status int, code, message string) {
	var body apiError
	body.Error.Code, body.Error.Message = code, message
	writeJSON(w, status, body)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // bodies are our own structs; the server's handler turns this into a closed connection and a log line
	}
	setHeaders(w, jsonType)
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the client left: nobody to tell
}

// setHeaders says that an answer is current only now and is for this origin's eyes only.
func setHeaders(w http.ResponseWriter, contentType string) {
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
}
