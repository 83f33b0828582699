package ipc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Session is what a server does for one connection.
type Session interface {
	// Post hears of a one-way message, in order with other posts and with calls. The body is valid during the call. An error says
	// that the message is malformed, and ends the connection.
	Post(op uint8, id uint64, body []byte) error
	// Call looks at a question, in order with posts, and returns at once how to answer it; the body is valid during the call. An
	// error says that it is malformed, and ends the connection.
	Call(op uint8, body []byte) (Job, error)
	// Fill appends the posts (AppendPost) to this client that have become due since it was last called. It is called when they
	// can be written, so what a slow client does not get in time can be told in fewer words later. See Out.Wake.
	Fill(dst []byte) []byte
	// End hears that the connection is over, and why, when all jobs have ended. ctx ends when the server does.
	End(ctx context.Context, err error)
}

// Job is how to answer a call. It runs in a goroutine of its own; ctx ends when the client asks for that, or is gone. An answer
// that is Large is made only while few others of the connection are being made or sent.
type Job struct {
	Run   func(ctx context.Context) ([]byte, error)
	Large bool
}

// largeAtOnce is how many large answers of a connection are in memory at a time.
const largeAtOnce = 16

// Out is the way to a server's client.
type Out struct{ w *writer }

// Wake says that Session.Fill has something. It returns at once.
func (o Out) Wake() { o.w.signal() }

// Post sends a one-way message and returns at once. What the client does not read stays in memory: whoever posts has to see to a bound.
func (o Out) Post(op uint8, id uint64, body []byte) { o.w.send(kindPost, op, id, nil, body) }

// Server accepts connections. All fields must be set.
type Server struct {
	Protocol Protocol
	Errors   Errors
	Session  func(Out) Session // begins one
	Log      *slog.Logger      // hears of malformed messages and other versions
}

// Serve accepts connections until ctx ends, then ends them and returns once all sessions have ended. An error says that
// no more connections can be accepted. It closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var conns sync.WaitGroup
	defer conns.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for pause := time.Duration(0); ; {
		c, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			conns.Go(func() { s.serve(ctx, c) })
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept connections of other processes: %w", err)
		default: // out of file descriptors, most likely
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.Log.Error("a connection of another process could not be accepted", "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}
}

// serve is one connection.
func (s *Server) serve(ctx context.Context, c net.Conn) {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if err := s.Protocol.greet(c); err != nil {
		if ctx.Err() == nil {
			s.Log.Warn("a connection of another process was refused", "err", err)
		}
		return
	}
	conn := &serverConn{errors: s.Errors, calls: make(map[uint64]context.CancelFunc), large: make(chan struct{}, largeAtOnce)}
	ready := make(chan struct{})
	conn.w = newWriter(c, func(dst []byte) []byte {
		<-ready
		return conn.session.Fill(dst)
	})
	conn.session = s.Session(Out{conn.w})
	close(ready)
	calls, cancel := context.WithCancel(ctx)
	err := conn.read(calls, c)
	if errors.Is(err, io.EOF) {
		err = nil
	} else if ctx.Err() == nil && !gone(err) {
		s.Log.Error("a connection of another process is ended: what it sent cannot be understood", "err", err)
	}
	cancel()
	c.Close()
	conn.w.close()
	conn.jobs.Wait()
	conn.session.End(ctx, err)
}

// gone says that a connection ended, as opposed to having been malformed.
func gone(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, io.ErrUnexpectedEOF)
}

type serverConn struct {
	w       *writer
	errors  Errors
	session Session
	large   chan struct{}
	jobs    sync.WaitGroup

	mu    sync.Mutex
	calls map[uint64]context.CancelFunc
}

func (c *serverConn) read(ctx context.Context, conn net.Conn) error {
	r := newReader(conn)
	r.most = maxUnfinished
	for {
		h, body, _, err := r.next()
		if err != nil {
			return err
		}
		switch h.kind {
		case kindPost:
			err = c.session.Post(h.op, h.id, body)
		case kindCall:
			err = c.call(ctx, h, body)
		case kindCancel:
			c.mu.Lock()
			cancel := c.calls[h.id]
			c.mu.Unlock()
			if cancel != nil {
				cancel()
			}
		default:
			err = fmt.Errorf("a frame of kind %d from a client", h.kind)
		}
		if err != nil {
			return err
		}
	}
}

func (c *serverConn) call(ctx context.Context, h header, body []byte) error {
	job, err := c.session.Call(h.op, body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	c.mu.Lock()
	_, twice := c.calls[h.id]
	c.calls[h.id] = cancel
	c.mu.Unlock()
	if twice {
		cancel()
		return fmt.Errorf("two calls with the number %d", h.id)
	}
	c.jobs.Go(func() {
		c.answer(ctx, h, job)
		cancel()
	})
	return nil
}

// answer runs a job and sends what it returns.
func (c *serverConn) answer(ctx context.Context, h header, job Job) {
	var body []byte
	var err error
	if job.Large {
		select {
		case c.large <- struct{}{}:
			defer func() { <-c.large }()
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err == nil {
		body, err = job.Run(ctx)
	}
	if err == nil && len(body) > MaxMessage {
		err = fmt.Errorf("the answer has %d bytes, more than the %d that can be sent", len(body), MaxMessage)
	}
	c.mu.Lock()
	delete(c.calls, h.id)
	c.mu.Unlock()
	switch {
	case err != nil:
		c.w.send(kindFailure, h.op, h.id, nil, c.errors.Pack(nil, err))
	case len(body) > pieceBytes:
		<-c.w.sendLong(kindAnswer, h.op, h.id, body)
	default:
		c.w.send(kindAnswer, h.op, h.id, nil, body)
	}
}
