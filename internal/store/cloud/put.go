package cloud

import (
	"context"
	"errors"

	"github.com/symphony-rtc/symphony/internal/store"
)

// Exists is what a create-only Put returns when the server says that the key is taken. If we sent more than one request,
// the object may be our own: a server can store it and its answer be lost. Then the content decides.
func Exists(ctx context.Context, tries int, body *Body, get func(ctx context.Context) ([]byte, error)) error {
	if tries < 2 {
		return store.ErrObjectExists
	}
	object, err := get(ctx)
	switch {
	case errors.Is(err, store.ErrNoObject):
		return errors.New("it was there and is gone")
	case err != nil:
		return err
	case !body.Equal(object):
		return store.ErrObjectExists
	}
	return nil
}
