package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
)

// MaxObject is the largest object that is downloaded, in bytes: more than a snapshot ever has. It bounds what a damaged
// or hostile answer can make us allocate.
const MaxObject = 1 << 30

// Answer is the beginning of a download: its headers are there.
type Answer struct {
	Body   io.ReadCloser
	Length int64                     // of the body; negative if the server does not say, which is an error
	Check  func(object []byte) error // compares the body with the checksum in the headers; may be nil
}

// Download returns the whole body of what ask gets, or an error, never a part. Errors of ask are final, as the client
// libraries have their own retries; a body that ends early, or fails its check, is asked for again a few times. One that
// fails its check each time is store.ErrDamagedObject.
func Download(ctx context.Context, ask func(ctx context.Context) (Answer, error)) ([]byte, error) {
	for attempt := 1; ; attempt++ {
		answer, err := ask(ctx)
		if err != nil {
			return nil, err
		}
		object, err := readAll(answer)
		if err == nil {
			return object, nil
		}
		if attempt == 3 {
			return nil, fmt.Errorf("download (%d attempts): %w", attempt, err)
		}
		if err := Pause(ctx, attempt); err != nil {
			return nil, err
		}
	}
}

func readAll(answer Answer) (object []byte, err error) {
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	if answer.Length < 0 || answer.Length > MaxObject {
		return nil, fmt.Errorf("the answer gives %d as its length: it must be 0 to %d", answer.Length, MaxObject)
	}
	object = make([]byte, answer.Length)
	if n, err := io.ReadFull(answer.Body, object); err != nil {
		return nil, fmt.Errorf("the answer ended after %d of %d bytes: %w", n, answer.Length, err)
	}
	// One step further, for a client library that compares checksums when it meets the end.
	if n, err := answer.Body.Read(make([]byte, 1)); n > 0 {
		return nil, fmt.Errorf("the answer goes on after its %d bytes", answer.Length)
	} else if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %w", err, store.ErrDamagedObject)
	}
	if answer.Check != nil {
		if err := answer.Check(object); err != nil {
			return nil, fmt.Errorf("%w: %w", err, store.ErrDamagedObject)
		}
	}
	return object, nil
}

// Delay returns how long to wait after an attempt (1, 2, ...) failed: longer after each, and by chance, so that many
// clients do not come back at once.
func Delay(attempt int) time.Duration {
	longest := min(100*time.Millisecond<<min(attempt, 10), 5*time.Second)
	return longest/2 + rand.N(longest/2)
}

// Pause waits for Delay, or until ctx ends, whose error it returns then.
func Pause(ctx context.Context, attempt int) error {
	timer := time.NewTimer(Delay(attempt))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
