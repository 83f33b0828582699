// Package room is the heart of Symphony: a room is one document and the people connected to it. It decodes what
// members send, journals and relays it, keeps presence, acknowledges what is durable, stores snapshots and ends itself
// when nobody is left. It knows neither network nor disk, only the ports in ports.go.
package room
