package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/symphony-rtc/symphony/internal/store"
)

// RunObjects is the conformance suite of store.Objects. open opens the same, at first empty, place each time.
func RunObjects(t *testing.T, open func(t *testing.T) store.Objects) {
	ctx := context.Background()
	o := open(t)
	key := store.NewSnapshotKey("room", 1, 2)
	if _, err := o.Get(ctx, key); !errors.Is(err, store.ErrNoObject) {
		t.Fatalf("Get of nothing: %v", err)
	}
	if err := o.Delete(ctx, key); err != nil {
		t.Fatalf("Delete of nothing: %v", err)
	}
	if err := o.Put(ctx, key, []byte("one"), nil, []byte(" two")); err != nil {
		t.Fatal(err)
	}
	if err := o.Put(ctx, key, []byte("other")); !errors.Is(err, store.ErrObjectExists) {
		t.Fatalf("Put over an object: %v", err)
	}
	o = open(t)
	if got, err := o.Get(ctx, key); err != nil || string(got) != "one two" {
		t.Fatalf("Get: %q, %v", got, err)
	}
	empty, large := store.NewSnapshotKey("room", 1, 3), store.NewSnapshotKey("other", 1, 2)
	body := filled(50<<20, 3)
	if err := errors.Join(o.Put(ctx, empty), o.Put(ctx, large, body)); err != nil {
		t.Fatal(err)
	}
	if got, err := o.Get(ctx, empty); err != nil || len(got) != 0 {
		t.Fatalf("Get of an empty object: %q, %v", got, err)
	}
	if got, err := o.Get(ctx, large); err != nil || !bytes.Equal(got, body) {
		t.Fatalf("Get of a large object: %d bytes, %v", len(got), err)
	}
	want := []string{key, empty, large}
	slices.Sort(want)
	if got := listObjects(t, o); !slices.Equal(got, want) {
		t.Fatalf("List: %q, want %q", got, want)
	}
	stop := errors.New("stop")
	if err := o.List(ctx, func(string) error { return stop }); !errors.Is(err, stop) {
		t.Fatalf("List that is stopped: %v", err)
	}
	for _, k := range want {
		if err := o.Delete(ctx, k); err != nil {
			t.Fatal(err)
		}
	}
	if got := listObjects(t, o); len(got) != 0 {
		t.Fatalf("List after Delete: %q", got)
	}

	// Of many Puts of one key, one wins whole.
	var wins atomic.Int32
	var winner atomic.Value
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			text := fmt.Sprint("writer ", i)
			switch err := o.Put(ctx, key, []byte(text)); {
			case err == nil:
				wins.Add(1)
				winner.Store(text)
			case !errors.Is(err, store.ErrObjectExists):
				t.Errorf("Put: %v", err)
			}
		})
	}
	wg.Wait()
	if got, err := o.Get(ctx, key); err != nil || wins.Load() != 1 || string(got) != winner.Load() {
		t.Fatalf("%d writers won; the object is %q, %v", wins.Load(), got, err)
	}

	over, cancel := context.WithCancel(ctx)
	cancel()
	if err := o.Put(over, empty, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Put with a context that is over: %v", err)
	}
	if _, err := o.Get(over, key); !errors.Is(err, context.Canceled) {
		t.Errorf("Get with a context that is over: %v", err)
	}
}

func listObjects(t *testing.T, o store.Objects) []string {
	t.Helper()
	var keys []string
	err := o.List(context.Background(), func(key string) error {
		keys = append(keys, key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	return keys
}
