package objects

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
)

func names(r Report) []string {
	var names []string
	for _, step := range r.Steps {
		names = append(names, step.Name)
	}
	return names
}

func TestProbe(t *testing.T) {
	for name, start := range places {
		t.Run(name, func(t *testing.T) {
			place := mustOpen(t, start(t))
			report := Probe(context.Background(), place, time.Now)
			if err := report.Err(); err != nil {
				t.Fatal(err)
			}
			if got, want := names(report), []string{"put", "put again", "get", "list", "delete"}; !slices.Equal(got, want) {
				t.Errorf("steps %q, want %q", got, want)
			}
			if err := place.List(context.Background(), func(key string) error { return errors.New(key + " is left") }); err != nil {
				t.Error(err)
			}
			if name == "file" {
				if report.Clock != nil {
					t.Error("a directory has a clock")
				}
				return
			}
			// The servers run on this machine. With a clock that is an hour ahead the finding is an hour.
			for _, ahead := range []time.Duration{0, time.Hour, -time.Hour} {
				report := Probe(context.Background(), place, func() time.Time { return time.Now().Add(ahead) })
				if report.Clock == nil {
					t.Fatal("no clock")
				}
				if off := (report.Clock.Ahead - ahead).Abs(); off > report.Clock.Uncertain {
					t.Errorf("clock %+v with %v: off by %v", *report.Clock, ahead, off)
				}
			}
		})
	}
}

// overwriting is a place that keeps the newest of two objects with one key.
type overwriting struct{ store.Objects }

func (o overwriting) Put(ctx context.Context, key string, parts ...[]byte) error {
	if err := o.Delete(ctx, key); err != nil {
		return err
	}
	return o.Objects.Put(ctx, key, parts...)
}

// forgetful is a place that lists nothing.
type forgetful struct{ store.Objects }

func (o forgetful) List(context.Context, func(string) error) error { return nil }

func TestProbeFinds(t *testing.T) {
	ctx := context.Background()
	place := mustOpen(t, places["file"](t))
	report := Probe(ctx, overwriting{place}, time.Now)
	if err := report.Err(); !errors.Is(err, ErrOverwrites) || strings.Contains(err.Error(), "\n") {
		t.Errorf("a place that overwrites: %v", err)
	}
	if err := Probe(ctx, forgetful{place}, time.Now).Err(); err == nil || !strings.Contains(err.Error(), "list: it does not") {
		t.Errorf("a place that lists nothing: %v", err)
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	report = Probe(over, place, time.Now)
	if got := names(report); !slices.Equal(got, []string{"put"}) || !errors.Is(report.Err(), context.Canceled) {
		t.Errorf("steps %q, %v", got, report.Err())
	}
	if err := place.List(ctx, func(key string) error { return errors.New(key + " is left") }); err != nil {
		t.Error(err)
	}
}
