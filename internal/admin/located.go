package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Located completes what next, the management API of a cluster's hosts, says of rooms: a host knows of its own rooms only whether
// they are open. owner names the host that serves a room, if one does.
func Located(next http.Handler, owner func(room string) (host string, ok bool)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, found := strings.CutPrefix(r.URL.EscapedPath(), roomsPath)
		rest = strings.TrimPrefix(rest, "/")
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if !found || !reads || strings.Contains(rest, "/") {
			next.ServeHTTP(w, r)
			return
		}
		answer := &heldAnswer{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		if r.Method == http.MethodHead {
			w.Header().Del("Content-Length") // of the host's answer
			w.WriteHeader(answer.status)
			return
		}
		body := answer.body.Bytes()
		if answer.status == http.StatusOK {
			if located, err := locate(body, rest == "", owner); err == nil { // else it is for the client to see what is wrong with it
				body = append(located, '\n')
			}
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(answer.status)
		_, _ = w.Write(body) // the client left: nobody to tell
	})
}

// heldAnswer keeps an answer back until all of it is there. It is as large as a page of rooms at most.
type heldAnswer struct {
	http.ResponseWriter // for its header
	status              int
	body                bytes.Buffer
}

func (a *heldAnswer) WriteHeader(status int) {
	if status >= http.StatusOK {
		a.status = status
	}
}

func (a *heldAnswer) Write(b []byte) (int, error) { return a.body.Write(b) }

// locate says in the body of a room, or of a page of rooms, which host serves each.
func locate(body []byte, page bool, owner func(room string) (string, bool)) ([]byte, error) {
	var all object
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, err
	}
	if !page {
		if err := all.locate(owner); err != nil {
			return nil, err
		}
		return json.Marshal(all)
	}
	var rooms []object
	if err := json.Unmarshal(all.get("rooms"), &rooms); err != nil {
		return nil, err
	}
	if rooms == nil {
		return nil, errors.New("no page of rooms")
	}
	for i := range rooms {
		if err := rooms[i].locate(owner); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(rooms)
	if err != nil {
		return nil, err
	}
	all.set("rooms", text, "")
	return json.Marshal(all)
}

// object is a JSON object with its members in the order that they have, those included that only programs of another version know.
type object []objectMember

type objectMember struct {
	name  string
	value json.RawMessage
}

// locate makes the members open and host of a room say what is so. A room that nobody is known to serve stays as it is: its host may
// have opened it a moment ago.
func (o *object) locate(owner func(room string) (string, bool)) error {
	var id string
	if err := json.Unmarshal(o.get("id"), &id); err != nil {
		return err
	}
	host, ok := owner(id)
	if !ok {
		return nil
	}
	name, err := json.Marshal(host)
	if err != nil {
		return err
	}
	o.set("open", json.RawMessage("true"), "id")
	o.set("host", name, "open")
	return nil
}

func (o *object) get(name string) json.RawMessage {
	for _, m := range *o {
		if m.name == name {
			return m.value
		}
	}
	return json.RawMessage("null")
}

// set gives a member a value. If the object has no such member it gets one behind another.
func (o *object) set(name string, value json.RawMessage, behind string) {
	at := len(*o)
	for i, m := range *o {
		switch m.name {
		case name:
			(*o)[i].value = value
			return
		case behind:
			at = i + 1
		}
	}
	*o = append((*o)[:at:at], append(object{{name, value}}, (*o)[at:]...)...)
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *object) UnmarshalJSON(text []byte) error {
	members := json.NewDecoder(bytes.NewReader(text))
	if begin, err := members.Token(); err != nil {
		return err
	} else if begin != json.Delim('{') {
		return fmt.Errorf("%v is no object", begin)
	}
	*o = nil
	for members.More() {
		name, err := members.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := members.Decode(&value); err != nil {
			return err
		}
		*o = append(*o, objectMember{name.(string), value})
	}
	return nil
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			text = append(text, ',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		text = append(append(append(text, name...), ':'), m.value...)
	}
	return append(text, '}'), nil
}
