package ipc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// ErrLost is wrapped by the errors of a client whose connection is over without its having closed it.
var ErrLost = errors.New("the connection is lost")

// ErrClosed is wrapped by the errors of a client that was closed.
var ErrClosed = errors.New("the connection is closed")

// Client is the side of a connection that asks. Safe for concurrent use.
type Client struct {
	c      net.Conn
	w      *writer
	errors Errors
	posted func(op uint8, id uint64, body []byte) error

	mu     sync.Mutex
	last   uint64
	calls  map[uint64]chan<- answer
	closed bool
	err    error // why it is over

	over chan struct{} // it is; err says why
	done chan struct{} // and its goroutines have ended
}

type answer struct {
	body []byte
	err  error
}

// Dial connects to the socket at address: its path, or unix:path. Posts of the server go to posted, one at a time and in
// order; the body is valid during the call. An error from it ends the connection. ctx bounds the dialling only.
func Dial(ctx context.Context, address string, p Protocol, known Errors, posted func(op uint8, id uint64, body []byte) error) (*Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path(address))
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	err = p.greet(conn)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to %s: %w", path(address), err)
	}
	c := &Client{
		c: conn, w: newWriter(conn, nil), errors: known, posted: posted,
		calls: make(map[uint64]chan<- answer), over: make(chan struct{}), done: make(chan struct{}),
	}
	go c.run()
	return c, nil
}

// Done is closed when the connection is over, and Err says why.
func (c *Client) Done() <-chan struct{} { return c.over }

// Err returns why the connection is over: it wraps ErrLost or ErrClosed. nil while it is not.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the connection and waits until posted is not called any more. It must not be called by posted.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.c.Close()
	<-c.done
}

// Post sends a one-way message, head and body after each other, and returns at once. Whether it arrives, nobody says.
func (c *Client) Post(op uint8, id uint64, head, body []byte) { c.w.send(kindPost, op, id, head, body) }

// Call asks, and returns the answer, which is the caller's to keep. When ctx ends the server is told so, and what Call then
// returns is still what the server says: whether something was done is never left open while the connection lasts.
func (c *Client) Call(ctx context.Context, op uint8, body []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	answers := make(chan answer, 1)
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return nil, c.err
	}
	c.last++
	id := c.last
	c.calls[id] = answers
	c.mu.Unlock()
	if len(body) > pieceBytes {
		c.w.sendLong(kindCall, op, id, body)
	} else {
		c.w.send(kindCall, op, id, nil, body)
	}
	select {
	case a := <-answers:
		return a.body, a.err
	case <-ctx.Done():
	}
	c.w.send(kindCancel, 0, id, nil, nil)
	a := <-answers
	return a.body, a.err
}

// run reads until the connection is over.
func (c *Client) run() {
	err := c.read()
	c.c.Close()
	c.w.close()
	c.mu.Lock()
	switch {
	case c.closed:
		c.err = ErrClosed
	case errors.Is(err, io.EOF):
		c.err = fmt.Errorf("%w: the other side has ended it", ErrLost)
	default:
		c.err = fmt.Errorf("%w: %w", ErrLost, err)
	}
	for _, answers := range c.calls {
		answers <- answer{err: c.err}
	}
	c.calls = nil
	c.mu.Unlock()
	close(c.over)
	close(c.done)
}

func (c *Client) read() error {
	r := newReader(c.c)
	for {
		h, body, owned, err := r.next()
		if err != nil {
			return err
		}
		switch h.kind {
		case kindPost:
			err = c.posted(h.op, h.id, body)
		case kindAnswer, kindFailure:
			err = c.answered(h, body, owned)
		default:
			err = fmt.Errorf("a frame of kind %d from a server", h.kind)
		}
		if err != nil {
			return err
		}
	}
}

func (c *Client) answered(h header, body []byte, owned bool) error {
	c.mu.Lock()
	answers := c.calls[h.id]
	delete(c.calls, h.id)
	c.mu.Unlock()
	if answers == nil {
		return fmt.Errorf("an answer to call %d, which nobody made", h.id)
	}
	if h.kind == kindAnswer {
		if !owned {
			body = append([]byte(nil), body...)
		}
		answers <- answer{body: body}
		return nil
	}
	err, ok := c.errors.Unpack(body)
	if !ok || err == nil {
		err = errPacked
	}
	answers <- answer{err: err}
	return nil
}
