package process

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// outputWait is how long a child's output is waited for after its end, which somebody else may hold open.
const outputWait = 2 * time.Second

// child is a process that was started, of the keeper's goroutine.
type child struct {
	id      string
	cmd     *exec.Cmd
	group   *group // nil without limits
	log     *slog.Logger
	out     *output
	started time.Time

	joined   bool      // it was registered once
	present  bool      // it is registered
	told     bool      // since the registry began to tell everything anew
	absent   time.Time // since when it is not registered
	draining bool
	used     bool      // it had a room
	idle     time.Time // since when one that had a room says that it has none; zero if it does not say so
	rooms    int

	ending bool      // was told to
	killAt time.Time // when it is killed; zero if it is not to be
	killed string    // why
}

// exit is the end of a child.
type exit struct {
	child *child
	err   error
}

// start starts a child. exits hears of its end.
func (k *keeper) start() error {
	id := newID()
	c := &child{id: id, started: time.Now(), log: k.o.Log.With("host", id)}
	c.absent = c.started
	c.cmd = k.o.Command(id, k.o.Dir)
	c.out = &output{log: c.log}
	if c.cmd.Stdout == nil {
		c.cmd.Stdout = c.out
	}
	if c.cmd.Stderr == nil {
		c.cmd.Stderr = c.out
	}
	c.cmd.WaitDelay = outputWait
	if c.cmd.SysProcAttr == nil {
		c.cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	dieWithUs(c.cmd.SysProcAttr)
	if k.o.Memory > 0 {
		softLimit(c.cmd, k.o.Memory)
	}
	if k.confinement != nil {
		var err error
		if c.group, err = k.confinement.group(id); err != nil {
			return fmt.Errorf("limit its resources: %w", err)
		}
		c.group.prepare(c.cmd.SysProcAttr)
	}
	if err := c.cmd.Start(); err != nil {
		c.group.remove()
		return err
	}
	if err := c.group.add(c.cmd.Process.Pid); err != nil {
		c.log.Error("a process runs without limits of its resources", "err", err)
	}
	k.children[id] = c
	go func() { k.exits <- exit{c, c.cmd.Wait()} }() // the keeper waits for it before it ends
	return nil
}

// softLimit tells Go's garbage collector of the child how much memory there is, with some of it left for what is not Go's.
func softLimit(cmd *exec.Cmd, memory int64) {
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, fmt.Sprint("GOMEMLIMIT=", memory/10*9))
}

// end asks a child to end, and has it killed after the grace period.
func (k *keeper) end(c *child, why string) {
	if c.ending {
		return
	}
	c.ending = true
	c.killAt, c.killed = time.Now().Add(k.o.Grace), "it did not end when it was told to"
	c.log.Debug("a process is told to end", "why", why)
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.log.Error("a process cannot be told to end", "err", err)
	}
}

// kill ends a child at once.
func (c *child) kill() {
	c.log.Warn("a process is killed", "why", c.killed)
	c.killAt = time.Time{}
	c.ending = true
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.log.Error("a process cannot be killed", "err", err)
	}
}

// asked reports whether a child ended with err because it was told to, or was killed.
func (c *child) asked(err error) bool {
	var e *exec.ExitError
	if !c.ending || !errors.As(err, &e) {
		return false
	}
	status, ok := e.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && (status.Signal() == syscall.SIGTERM || c.killAt.IsZero())
}
