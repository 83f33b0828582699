// Package harness runs whole systems for tests: the real server binary as a process of its own, and Node programs with
// real Yjs clients. Everything is bounded by time, ends with its test, and is silent unless the test fails.
package harness
