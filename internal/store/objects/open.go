package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/azblob"
	"github.com/symphony-rtc/symphony/internal/store/gcs"
	"github.com/symphony-rtc/symphony/internal/store/s3"
	"github.com/symphony-rtc/symphony/internal/store/snapdir"
)

// Place holds snapshot objects and may be used by several processes at the same time. If it is on another machine it is a
// store.ObjectsWithClock, too.
type Place interface {
	store.AgedObjects
	io.Closer // to be called when no other method runs
}

// Options are what the URL does not say.
type Options struct {
	// Stall is how long a server may neither take nor give a byte before a request to it is given up and sent again.
	// 0 is 20 seconds.
	Stall time.Duration
}

// Open opens the place that a URL names:
//
//	file:///absolute/directory   file:relative/directory
//	s3://BUCKET/PREFIX?region=REGION&endpoint=https://HOST&path_style=true|false
//	gs://BUCKET/PREFIX?endpoint=https://HOST
//	azblob://CONTAINER/PREFIX?account=ACCOUNT&endpoint=https://HOST
//
// Prefix and parameters may be left out; docs/storage.md explains them. Nothing is sent to a server: use Probe to find
// out whether it works. Errors never contain a password.
func Open(ctx context.Context, where string, options Options) (Place, error) {
	u, err := url.Parse(where)
	if err != nil {
		var reason *url.Error
		if errors.As(err, &reason) {
			err = reason.Err // without the text, in which a password could be
		}
		return nil, fmt.Errorf("the place of snapshots is no URL: %w", err)
	}
	place, err := open(ctx, u, options)
	if err != nil {
		name := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, Opaque: u.Opaque}
		return nil, fmt.Errorf("open the place of snapshots %s: %w", &name, err)
	}
	return place, nil
}

// parameters says which ones a kind of place has.
var parameters = map[string][]string{
	"file":   nil,
	"s3":     {"region", "endpoint", "path_style"},
	"gs":     {"endpoint"},
	"azblob": {"account", "endpoint"},
}

func open(ctx context.Context, u *url.URL, options Options) (Place, error) {
	known, ok := parameters[u.Scheme]
	if !ok {
		return nil, errors.New("it must begin with file:, s3://, gs:// or azblob://")
	}
	given, err := readParameters(u, known)
	if err != nil {
		return nil, err
	}
	if u.Fragment != "" {
		return nil, errors.New("it contains #: write %23")
	}
	if u.Scheme == "file" {
		dir, err := directory(u)
		if err != nil {
			return nil, err
		}
		return use(snapdir.OpenShared(dir))
	}
	if u.User != nil {
		return nil, errors.New("credentials do not belong in it: docs/storage.md says where they are looked for")
	}
	bucket := u.Hostname()
	if bucket == "" || u.Port() != "" {
		return nil, fmt.Errorf("after %s:// the name of a bucket must follow", u.Scheme)
	}
	switch u.Scheme {
	case "s3":
		at := s3.Config{Bucket: bucket, Prefix: u.Path, Region: given["region"], Endpoint: given["endpoint"], Stall: options.Stall}
		at.PathStyle = at.Endpoint != "" // what other servers than Amazon's usually want
		if text, ok := given["path_style"]; ok {
			if at.PathStyle, err = strconv.ParseBool(text); err != nil {
				return nil, fmt.Errorf("path_style is %q: write true or false", text)
			}
		}
		return use(s3.Open(ctx, at))
	case "gs":
		return use(gcs.Open(ctx, gcs.Config{Bucket: bucket, Prefix: u.Path, Endpoint: given["endpoint"], Stall: options.Stall}))
	default:
		return use(azblob.Open(azblob.Config{
			Container: bucket, Prefix: u.Path, Account: given["account"], Endpoint: given["endpoint"], Stall: options.Stall,
		}))
	}
}

// use makes a Place of what an adapter's Open returned, and nil of nothing.
func use[P Place](place P, err error) (Place, error) {
	if err != nil {
		return nil, err
	}
	return place, nil
}

// readParameters returns what stands after the question mark. A parameter that is not known is an error, so that a
// misspelt one is not ignored.
func readParameters(u *url.URL, known []string) (map[string]string, error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("what follows the ? cannot be read: %w", err)
	}
	given := make(map[string]string)
	for name, values := range query {
		switch {
		case !slices.Contains(known, name) && len(known) == 0:
			return nil, fmt.Errorf("%s: has no parameters, but %q is given", u.Scheme, name)
		case !slices.Contains(known, name):
			return nil, fmt.Errorf("%q is no parameter of %s://: it has %s", name, u.Scheme, strings.Join(known, ", "))
		case len(values) > 1:
			return nil, fmt.Errorf("parameter %s is given more than once", name)
		case name == "endpoint" && strings.Contains(values[0], "@"):
			return nil, errors.New("credentials do not belong in the endpoint: docs/storage.md says where they are looked for")
		case values[0] == "":
			return nil, fmt.Errorf("parameter %s is empty: leave it out or give it a value", name)
		}
		given[name] = values[0]
	}
	return given, nil
}

// directory returns the path that a file: URL names.
func directory(u *url.URL) (string, error) {
	if u.Host != "" && u.Host != "localhost" {
		return "", errors.New("write file:///absolute/directory or file:relative/directory")
	}
	if u.Opaque == "" {
		if u.Path == "" {
			return "", errors.New("it names no directory")
		}
		return u.Path, nil
	}
	dir, err := url.PathUnescape(u.Opaque)
	if err != nil {
		return "", fmt.Errorf("its path cannot be read: %w", err)
	}
	return dir, nil
}
