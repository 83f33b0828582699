// Package journal is the part of a catalog that makes updates durable: it queues what rooms append, gathers what all of
// them appended in the last few milliseconds into one commit of a Backend, repeats what failed, and tells each room
// what became of its updates. docs/storage.md describes what is durable when.
package journal
