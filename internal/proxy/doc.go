// Package proxy is the door of a cluster: it accepts a client's WebSocket, finds the host that serves the room, or has one
// serve it, and pipes between the two. When the host goes or the room moves, it keeps the client's socket, finds the new host
// and continues the dialogue there, so that the client does not notice (session.go; docs/proxy.md says why that is right).
//
// A connection has two goroutines, one for each direction, parked without a buffer until there is something to read. Frames
// are passed on as they came, as many as there are in one write; of a payload only the first bytes are looked at, and all of
// presence and state vectors, which are needed when the room moves.
//
// A proxy keeps nothing that another could not find out: any number of them may run.
package proxy
