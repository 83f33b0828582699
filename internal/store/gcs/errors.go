package gcs

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/symphony-rtc/symphony/internal/store"
)

// explain says what was being done with which object, and what a person can do about it.
func (b *Bucket) explain(doing, name string, err error) error {
	where := fmt.Sprintf("%s gs://%s/%s", doing, b.at.Bucket, name)
	if advice := b.advice(doing, err); advice != "" {
		return fmt.Errorf("%s: %w; %s", where, err, advice)
	}
	return fmt.Errorf("%s: %w", where, err)
}

// permissions are what a role must have, by what is done.
var permissions = map[string]string{
	"put": "storage.objects.create", "get": "storage.objects.get", "list": "storage.objects.list", "delete": "storage.objects.delete",
}

func (b *Bucket) advice(doing string, err error) string {
	for _, known := range []error{store.ErrObjectExists, store.ErrNoObject, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return ""
		}
	}
	switch status(err) {
	case http.StatusUnauthorized:
		return "the storage does not accept the credentials: check GOOGLE_APPLICATION_CREDENTIALS, or the machine's service account"
	case http.StatusForbidden:
		return fmt.Sprintf("the service account needs the permission %s on the bucket; the role Storage Object User has all that are needed",
			permissions[doing])
	case http.StatusNotFound:
		return fmt.Sprintf("there is no bucket %s: make it, or correct the URL of the snapshots", b.at.Bucket)
	case 0:
		if errors.Is(err, errToken) {
			return "no token could be had for the Google credentials: check GOOGLE_APPLICATION_CREDENTIALS, or the machine's service account"
		}
		return fmt.Sprintf("is %s reachable from here?", b.at.Endpoint)
	}
	return ""
}
