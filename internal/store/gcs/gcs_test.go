package gcs

import (
	"context"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/cloud/cloudtest"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
	"github.com/symphony-rtc/symphony/test/services"
)

// open opens a bucket of the emulator at addr.
func open(t *testing.T, addr string, at Config) *Bucket {
	t.Helper()
	t.Setenv("STORAGE_EMULATOR_HOST", addr)
	bucket, err := Open(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bucket.Close() })
	bucket.page = 30 // so that a list has several
	return bucket
}

func TestConformance(t *testing.T) {
	server := services.GCS(t)
	storetest.RunObjects(t, func(t *testing.T) store.Objects {
		return open(t, server.Addr, Config{Bucket: "snapshots", Prefix: "a/b"})
	})
}

func TestBadDays(t *testing.T) {
	server := services.GCS(t)
	cloudtest.Run(t, server, func(t *testing.T, addr string, stall time.Duration) store.Objects {
		return open(t, addr, Config{Bucket: "snapshots", Prefix: "a/b", Stall: stall})
	})
}
