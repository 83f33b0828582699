// Package remote lets several processes of one machine share one store.Catalog: the process that has it serves it over a Unix
// socket (Serve), the others see it as theirs (Dial). What all of them append is committed by the one journal behind it, in
// the same groups. Snapshots do not pass through here: everybody has the directory or the bucket.
//
// Which process may write to a room is the matter of epochs, as everywhere. So a process that dies needs no clearing up: what had arrived
// from it becomes durable, and its rooms are marked inactive.
package remote
