package gcs

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/cloud/cloudtest"
	"github.com/symphony-rtc/symphony/test/services"
)

// each runs every operation and gives its error to check.
func each(b *Bucket, check func(operation string, err error)) {
	ctx := context.Background()
	check("put", b.Put(ctx, "ab/1", []byte("x")))
	_, err := b.Get(ctx, "ab/1")
	check("get", err)
	check("list", b.List(ctx, func(string) error { return nil }))
	check("delete", b.Delete(ctx, "ab/1"))
}

func TestWrongBucket(t *testing.T) {
	server := services.GCS(t)
	each(open(t, server.Addr, Config{Bucket: "elsewhere"}), func(operation string, err error) {
		if operation == "delete" && err == nil {
			return // there is no such object
		}
		cloudtest.MustSay(t, err, operation, "gs://elsewhere/", "no bucket elsewhere")
		if errors.Is(err, store.ErrNoObject) {
			t.Errorf("%s: a missing bucket counts as a missing object: %v", operation, err)
		}
	})
}

// TestRefusals has Google's answers to requests with wrong or weak credentials, which the emulator does not check.
func TestRefusals(t *testing.T) {
	proxy := services.NewProxy(t, services.GCS(t).Addr)
	b := open(t, proxy.Addr, Config{Bucket: "snapshots"})
	proxy.Set(services.Answer(403, `{"error": {"code": 403, "message": "x does not have storage.objects access"}}`))
	each(b, func(operation string, err error) {
		cloudtest.MustSay(t, err, operation, "x does not have storage.objects access", permissions[operation])
	})
	proxy.Set(services.Answer(401, "Invalid Credentials"))
	each(b, func(operation string, err error) {
		cloudtest.MustSay(t, err, operation, "Invalid Credentials", "does not accept the credentials")
	})
}

// TestServiceAccount goes the whole way of credentials: a key file, a token for its signature, the token in each request.
func TestServiceAccount(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	var down atomic.Bool
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.FormValue("assertion") == "" || down.Load() {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token": "the-token", "token_type": "Bearer", "expires_in": 3600}`)
	}))
	defer tokens.Close()
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "test@example.com", "private_key_id": "1", "token_uri": tokens.URL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
	t.Setenv("STORAGE_EMULATOR_HOST", "")

	proxy := services.NewProxy(t, services.GCS(t).Addr)
	proxy.Set(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if r.Header.Get("Authorization") != "Bearer the-token" {
			services.Answer(401, "")(w, r, server)
			return
		}
		server.ServeHTTP(w, r)
	})
	openHere := func() *Bucket {
		b, err := Open(context.Background(), Config{Bucket: "snapshots", Endpoint: "http://" + proxy.Addr})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		return b
	}
	each(openHere(), func(operation string, err error) {
		if err != nil {
			t.Errorf("%s: %v", operation, err)
		}
	})
	if asked.Load() != 1 {
		t.Errorf("%d tokens for 4 operations", asked.Load())
	}
	down.Store(true)
	each(openHere(), func(operation string, err error) {
		cloudtest.MustSay(t, err, operation, "no token could be had")
	})
}

// TestListHasPages makes sure that the conformance suite's lists come in pages.
func TestListHasPages(t *testing.T) {
	proxy := services.NewProxy(t, services.GCS(t).Addr)
	b := open(t, proxy.Addr, Config{Bucket: "snapshots"})
	b.page = 2
	ctx := context.Background()
	for i := range 5 {
		if err := b.Put(ctx, store.NewSnapshotKey("room", 1, uint64(i)), nil); err != nil {
			t.Fatal(err)
		}
	}
	proxy.Seen()
	keys := 0
	if err := b.List(ctx, func(string) error { keys++; return nil }); err != nil || keys != 5 {
		t.Errorf("%d keys, %v", keys, err)
	}
	if requests := proxy.Seen(); len(requests) != 3 {
		t.Errorf("requests for 5 keys in pages of 2: %s", strings.Join(requests, ", "))
	}
}
