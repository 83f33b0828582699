// Package matrix puts real servers, a real Postgres and a real S3 server through faults, again and again at random moments,
// while real clients write, and looks whether anything that was acknowledged is missing afterwards and whether all
// documents are equal. `go test ./test/matrix` runs each fault a few times, `make test-faults` many times; that writes the
// table in docs/faults.md.
//
// SYMPHONY_MATRIX_ROUNDS says how often each fault is injected, SYMPHONY_MATRIX_SEED repeats the choices of a run, as far
// as processes repeat anything, and SYMPHONY_MATRIX_REPORT is the file that the table is written to.
//
// What it notices was tried with a server that had been spoilt on purpose: one that acknowledged before the commit lost
// updates in each scenario that kills or cuts off Postgres, and one whose journal ignored the epoch lost updates, never came to rest, and had
// rooms in quarantine, as soon as there were two hosts.
package matrix
