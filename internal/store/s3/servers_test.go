package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			server := start(t)
			server.Setenv(t)
			config := at(server.Addr)
			config.Bucket = "elsewhere"
			each(open(t, config), func(operation string, err error) {
				cloudtest.MustSay(t, err, operation, "s3://elsewhere/", "no bucket elsewhere", server.Addr)
				if errors.Is(err, store.ErrNoObject) {
					t.Errorf("%s: a missing bucket counts as a missing object: %v", operation, err)
				}
			})
		})
	}
}

func TestWrongCredentials(t *testing.T) {
	server := services.S3(t)
	server.Setenv(t)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	each(open(t, at(server.Addr)), func(operation string, err error) {
		cloudtest.MustSay(t, err, operation, "does not accept the credentials")
	})
}

func TestNoCredentials(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", nowhere)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_PROFILE", "")
	each(open(t, at("127.0.0.1:1")), func(operation string, err error) {
		cloudtest.MustSay(t, err, operation, "no credentials were found", "AWS_ACCESS_KEY_ID")
	})
}

// TestAnswers has the answers of Amazon's own servers that the servers of the tests do not give.
func TestAnswers(t *testing.T) {
	server := services.S3(t)
	server.Setenv(t)
	proxy := services.NewProxy(t, server.Addr)
	b := open(t, at(proxy.Addr))
	failure := func(status int, code string) services.Fault {
		return services.Answer(status, "<Error><Code>"+code+"</Code><Message>m</Message></Error>")
	}
	proxy.Set(failure(403, "AccessDenied"))
	each(b, func(operation string, err error) { cloudtest.MustSay(t, err, permissions[operation], "s3:ListBucket") })
	proxy.Set(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		w.Header().Set("X-Amz-Bucket-Region", "eu-west-3")
		failure(301, "PermanentRedirect")(w, r, next)
	})
	each(b, func(operation string, err error) { cloudtest.MustSay(t, err, operation, "region=eu-west-3") })
	proxy.Set(failure(403, "RequestTimeTooSkewed"))
	each(b, func(operation string, err error) { cloudtest.MustSay(t, err, operation, "clock of this machine") })

	// Two create-only PUTs at the same time: Amazon asks one of them to come again.
	proxy.SetFor(2, func(*http.Request) bool { return true }, failure(409, "ConditionalRequestConflict"))
	if err := b.Put(context.Background(), "ab/2", []byte("x")); err != nil {
		t.Errorf("Put after two conflicts: %v", err)
	}
	if _, err := b.Clock(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestServersThatLackSomething has servers that answer 501 to what they do not know.
func TestServersThatLackSomething(t *testing.T) {
	server := services.S3(t)
	server.Setenv(t)
	for _, headers := range [][]string{{"X-Amz-Checksum-Crc32c"}, {"If-None-Match"}, {"X-Amz-Checksum-Crc32c", "If-None-Match"}} {
		t.Run(strings.Join(headers, " "), func(t *testing.T) {
			proxy := services.NewProxy(t, server.Addr)
			var refused, conditional atomic.Int32
			proxy.Set(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if r.Header.Get("If-None-Match") != "" {
					conditional.Add(1)
				}
				for _, header := range headers {
					if r.Header.Get(header) != "" {
						refused.Add(1)
						services.Answer(501, "<Error><Code>NotImplemented</Code><Message>"+header+"</Message></Error>")(w, r, next)
						return
					}
				}
				next.ServeHTTP(w, r)
			})
			b := open(t, at(proxy.Addr))
			ctx := context.Background()
			key := store.NewSnapshotKey("room", 1, 1)
			if err := b.Put(ctx, key, []byte("one")); err != nil {
				t.Fatal(err)
			}
			known := refused.Load()
			if err := b.Put(ctx, key, []byte("two")); !errors.Is(err, store.ErrObjectExists) {
				t.Errorf("second Put: %v", err)
			}
			if got, err := b.Get(ctx, key); err != nil || string(got) != "one" {
				t.Errorf("Get: %q, %v", got, err)
			}
			if err := b.Put(ctx, store.NewSnapshotKey("room", 1, 2), []byte("one")); err != nil {
				t.Fatal(err)
			}
			if refused.Load() != known {
				t.Errorf("it was asked %d times for what it does not have", refused.Load())
			}
			if len(headers) == 1 && headers[0] != "If-None-Match" && conditional.Load() < 4 {
				t.Error("If-None-Match was left out needlessly")
			}
		})
	}
}

// TestUploadIsPlain looks at an upload over TLS: all of it is signed, nothing is chunked, and the checksum is a header. That
// is what every server understands.
func TestUploadIsPlain(t *testing.T) {
	var seen *http.Request
	var body []byte
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	config := at("")
	config.Endpoint = server.URL
	if err := open(t, config).Put(context.Background(), "ab/1", []byte("123"), []byte("456789")); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	for header, want := range map[string]string{
		"X-Amz-Content-Sha256":  hex.EncodeToString(sum[:]),
		"X-Amz-Checksum-Crc32c": "4waSgw==", // the check value of CRC-32C, E3069283
		"If-None-Match":         "*",
		"Content-Encoding":      "",
		"X-Amz-Trailer":         "",
	} {
		if got := seen.Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if string(body) != "123456789" || seen.ContentLength != 9 || seen.URL.Path != "/snapshots/a/b/ab/1" || seen.Method != http.MethodPut {
		t.Errorf("%s %s with %q (%d bytes)", seen.Method, seen.URL, body, seen.ContentLength)
	}
}
