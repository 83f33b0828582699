package remote

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/symphony-rtc/symphony/internal/ipc"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
)

// Catalog is the catalog of another process. When the connection to that is lost, it is lost for good: nobody can say what
// became of what was appended last, so all claims hear that they are delayed, everything fails, and the process should end
// itself (Done). Safe for concurrent use.
type Catalog struct {
	client  *ipc.Client
	backlog atomic.Int64
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	owned   sync.WaitGroup // goroutines

	mu      sync.Mutex
	claims  map[uint64]*claim // by number
	last    uint64
	closed  bool
	closing sync.Mutex
}

var _ store.Catalog = (*Catalog)(nil)

// Dial connects to the socket of Serve: its path, or unix:path. ctx bounds the connecting only.
func Dial(ctx context.Context, address string) (*Catalog, error) {
	c := &Catalog{claims: make(map[uint64]*claim)}
	ready := make(chan struct{})
	client, err := ipc.Dial(ctx, address, protocol, known, func(op uint8, num uint64, body []byte) error {
		<-ready
		return c.posted(op, num, body)
	})
	if err != nil {
		return nil, fmt.Errorf("connect to the process that has the store: %w", err)
	}
	c.client = client
	c.ctx, c.cancel = context.WithCancel(context.Background())
	close(ready)
	c.owned.Go(c.watch)
	return c, nil
}

// Done is closed when the connection is over, and Err says why.
func (c *Catalog) Done() <-chan struct{} { return c.client.Done() }

// Err returns why the connection is over; nil while it is not.
func (c *Catalog) Err() error { return explain(c.client.Err()) }

// explain says which connection an error is about.
func explain(err error) error {
	switch {
	case errors.Is(err, ipc.ErrClosed):
		return journal.ErrClosed
	case errors.Is(err, ipc.ErrLost):
		return fmt.Errorf("the process that has the store: %w", err)
	}
	return err
}

// watch tells all claims when the connection is lost.
func (c *Catalog) watch() {
	<-c.client.Done()
	if c.client.Err() == nil || errors.Is(c.client.Err(), ipc.ErrClosed) {
		return
	}
	c.mu.Lock()
	claims := make([]*claim, 0, len(c.claims))
	for _, claim := range c.claims {
		claims = append(claims, claim)
	}
	c.mu.Unlock()
	for _, claim := range claims {
		claim.lost(c.Err())
	}
}

// posted hears of a message of the server.
func (c *Catalog) posted(op uint8, num uint64, body []byte) error {
	c.mu.Lock()
	claim := c.claims[num]
	c.mu.Unlock()
	switch {
	case op == postCommitted && len(body) == 8:
		if claim != nil {
			return claim.committed(binary.LittleEndian.Uint64(body))
		}
	case op == postDelayed:
		err, ok := known.Unpack(body)
		if !ok {
			return errors.New("malformed message about a delay")
		}
		if claim != nil {
			claim.events.Delayed(err)
		}
	case op == postFenced:
		if claim != nil {
			claim.fence()
		}
	default:
		return fmt.Errorf("a message of kind %d with %d bytes", op, len(body))
	}
	return nil
}

// ask makes a call with some arguments and reads the answer into what pointers point to.
func (c *Catalog) ask(ctx context.Context, op uint8, arguments []any, pointers ...any) error {
	body, err := c.client.Call(ctx, op, ipc.Pack(nil, arguments...))
	if err != nil {
		return explain(err)
	}
	return ipc.Unpack(body, pointers...)
}

var errAnswer = errors.New("malformed answer of the process that has the store")

// with is the arguments of a call.
func with(arguments ...any) []any { return arguments }

// Backlog implements store.Catalog: the bytes that this process appended.
func (c *Catalog) Backlog() int { return int(c.backlog.Load()) }

// Settled implements store.Catalog.
func (c *Catalog) Settled() <-chan struct{} {
	settled := make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed { // it will never be known
		return settled
	}
	c.owned.Go(func() {
		if c.ask(c.ctx, opSettled, nil) == nil {
			close(settled)
		}
	})
	return settled
}

// Close implements store.Catalog. An error says that something that was appended may not be durable.
func (c *Catalog) Close() error {
	c.closing.Lock()
	defer c.closing.Unlock()
	c.mu.Lock()
	was := c.closed
	c.closed = true
	c.mu.Unlock()
	if was {
		return nil
	}
	err := c.ask(context.Background(), opClose, nil)
	c.cancel()
	c.client.Close()
	c.owned.Wait()
	if err != nil {
		return fmt.Errorf("close the connection to the store with %d bytes that are not known to be durable: %w", c.Backlog(), err)
	}
	return nil
}
