// Package records is the SQL of what a catalog knows about rooms besides their journal: the table of rooms, their
// versions, their visits, and what stays of erased ones. It is written once, in what SQLite and Postgres both
// understand, over a small transaction (Tx) that each backend provides; docs/storage.md describes the tables.
//
// A backend embeds *Records, which is its store.Versions, store.Lifecycle and store.Visits, and calls the functions
// Claim, Point, Release and Repair in its own transactions: those of its journal's committer, or any others.
package records
