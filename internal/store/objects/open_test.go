package objects

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
	"github.com/symphony-rtc/symphony/test/services"
)

// places are a directory and a bucket of each cloud; start returns the URL of a new one.
var places = map[string]func(t *testing.T) string{
	"file":   func(t *testing.T) string { return "file://" + filepath.ToSlash(filepath.Join(t.TempDir(), "a b")) },
	"s3":     bucket(services.S3),
	"gs":     bucket(services.GCS),
	"azblob": bucket(services.Azure),
}

func bucket(start func(testing.TB) *services.Bucket) func(t *testing.T) string {
	return func(t *testing.T) string {
		b := start(t)
		b.Setenv(t)
		return b.URL
	}
}

func mustOpen(t *testing.T, where string) Place {
	t.Helper()
	place, err := Open(context.Background(), where, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { place.Close() })
	return place
}

func TestConformanceByURL(t *testing.T) {
	for name, start := range places {
		t.Run(name, func(t *testing.T) {
			where := start(t)
			storetest.RunObjects(t, func(t *testing.T) store.Objects { return mustOpen(t, where) })
		})
	}
}

// TestPrefixes has two places in one bucket, one inside the other's prefix by its letters only.
func TestPrefixes(t *testing.T) {
	b := services.S3(t)
	b.Setenv(t)
	ctx := context.Background()
	one := mustOpen(t, strings.Replace(b.URL, "/test?", "/symphony?", 1))
	two := mustOpen(t, strings.Replace(b.URL, "/test?", "/symphony-2/deep/?", 1))
	if err := one.Put(ctx, "ab/1", []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := two.Put(ctx, "ab/1", []byte("two")); err != nil {
		t.Fatal(err)
	}
	for place, want := range map[Place]string{one: "one", two: "two"} {
		if got, err := place.Get(ctx, "ab/1"); err != nil || string(got) != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
		if err := place.List(ctx, func(key string) error {
			if key != "ab/1" {
				t.Errorf("place %s lists %q", want, key)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
	// That is where the objects are.
	if _, err := os.Stat(filepath.Join(b.Dir, "snapshots", "symphony-2", "deep", "ab", "1")); err != nil {
		t.Error(err)
	}
}

func TestRelativeDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	place := mustOpen(t, "file:some%20where/snapshots")
	if err := place.Put(context.Background(), "ab/1", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join("some where", "snapshots", "ab", "1")); err != nil {
		t.Error(err)
	}
}

func TestURLsThatSayNothing(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_CONNECTION_STRING",
		"AZURE_STORAGE_KEY", "STORAGE_EMULATOR_HOST"} {
		t.Setenv(name, "")
	}
	nowhere := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", nowhere)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", nowhere)
	for where, want := range map[string]string{
		"":                                      "must begin with",
		"snapshots":                             "must begin with",
		"http://host/bucket":                    "must begin with",
		"file:":                                 "names no directory",
		"file://dir/snapshots":                  "file:///absolute",
		"file:///dir?sync=false":                "no parameters",
		"file:///dir#1":                         "%23",
		"s3://":                                 "name of a bucket",
		"s3:///prefix":                          "name of a bucket",
		"s3://bucket:9000/":                     "name of a bucket",
		"s3://bucket":                           "region",
		"s3://bucket?region=":                   "empty",
		"s3://bucket?regoin=x":                  `"regoin" is no parameter`,
		"s3://bucket?region=a&region=b":         "more than once",
		"s3://bucket?region=a;b":                "cannot be read",
		"s3://bucket?endpoint=host:9000":        "write http://host:port",
		"s3://bucket/a//b?region=x":             "cannot be the path",
		"s3://bucket/../b?region=x":             "cannot be the path",
		"s3://bucket?region=x&path_style=maybe": "true or false",
		"s3://key:geheim@bucket?region=x":       "credentials do not belong",
		"s3://bucket?endpoint=http://key:geheim@host": "credentials do not belong",
		"gs://bucket?region=x":                        `"region" is no parameter`,
		"gs://bucket?endpoint=storage":                "no address",
		"gs://bucket":                                 "GOOGLE_APPLICATION_CREDENTIALS",
		"azblob://container":                          "AZURE_STORAGE_ACCOUNT",
		"azblob://container?account=a&endpoint=":      "empty",
		"s3://key:geheim@bucket/%zz":                  "no URL",
	} {
		place, err := Open(context.Background(), where, Options{})
		if err == nil {
			place.Close()
			t.Errorf("%q was opened", where)
		} else if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%q: %v, want something with %q", where, err, want)
		}
	}
}
