// Package cluster puts all processes of a cluster through faults, again and again at random moments, while real clients write: etcd,
// Postgres, an S3 server, proxies and hosts, each on a machine of its own (a network namespace), so that any of them can be killed,
// frozen, or cut off from any other, and the network be long or bad (distances). It looks whether anything that was acknowledged is
// missing afterwards, whether ever two hosts wrote to a room, whether all documents are equal, what clients noticed, and how long their
// edits waited to be acknowledged. `go test ./test/cluster` does each fault once or twice, `make test-cluster` many times; that writes
// the table in docs/cluster-faults.md.
//
// SYMPHONY_CLUSTER_ROUNDS says how often each fault is injected, SYMPHONY_CLUSTER_SEED repeats the choices of a run, as far as
// processes repeat anything, and SYMPHONY_CLUSTER_REPORT is the file that the table is written to.
//
// What it notices was tried with hosts that had been spoilt on purpose: with a journal that ignored the epoch, rows of two writers were
// found in the scenarios that freeze the host for longer than its lease or cut it off from everything. With reads of etcd that were
// serializable, TestStaleMember was told of an owner that the room had no more.
package cluster
