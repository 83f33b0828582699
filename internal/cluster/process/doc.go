// Package process is the Orchestrator of one machine: the hosts are child processes of this one, the supervisor. It keeps as many as
// are wanted, starts others for those that crash, passes on what they log, and ends them when it ends. It kills nothing that it
// did not start. Whether a child is ready, and has rooms, the registry says. docs/isolation.md describes the whole.
package process
