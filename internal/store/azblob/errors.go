package azblob

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/cloud"
)

// exists tells the answer to a create-only upload of a key that is taken. The service has two names for it.
func exists(err error) bool {
	return bloberror.HasCode(err, bloberror.BlobAlreadyExists, bloberror.ConditionNotMet)
}

func missing(err error) bool { return bloberror.HasCode(err, bloberror.BlobNotFound) }

// explain says what was being done with which object, and what a person can do about it.
func (c *Container) explain(doing, name string, watch *cloud.Watch, err error) error {
	where := fmt.Sprintf("%s azblob://%s/%s", doing, c.at.Container, name)
	if doing == "get" && missing(err) {
		return fmt.Errorf("%s: %w", where, store.ErrNoObject)
	}
	short := brief(err)
	if advice := c.advice(watch, err); advice != "" {
		return fmt.Errorf("%s: %w; %s", where, short, advice)
	}
	return fmt.Errorf("%s: %w", where, short)
}

// answered is the error of an answer without success. The library's own text is a page with the whole answer.
type answered struct{ *azcore.ResponseError }

func (a answered) Error() string {
	return fmt.Sprintf("the storage answers %d %s", a.StatusCode, a.ErrorCode)
}

func (a answered) Unwrap() error { return a.ResponseError }

func brief(err error) error {
	var answer *azcore.ResponseError
	if errors.As(err, &answer) {
		return answered{answer}
	}
	return err
}

func (c *Container) advice(watch *cloud.Watch, err error) string {
	for _, known := range []error{store.ErrObjectExists, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return ""
		}
	}
	var answer *azcore.ResponseError
	switch {
	case errors.As(err, &answer) && bloberror.HasCode(err, bloberror.AuthorizationPermissionMismatch, bloberror.InsufficientAccountPermissions):
		return "the identity needs the role Storage Blob Data Contributor on the container"
	case answer != nil && (answer.StatusCode == http.StatusForbidden || answer.StatusCode == http.StatusUnauthorized):
		return "the storage does not accept the credentials: check AZURE_STORAGE_KEY or the identity's role (Storage Blob Data " +
			"Contributor), the account's firewall, and this machine's clock"
	case answer != nil && answer.StatusCode == http.StatusNotFound:
		return fmt.Sprintf("there is no container %s at %s: make it, or correct the URL of the snapshots", c.at.Container, c.at.Endpoint)
	case answer != nil:
		return ""
	case watch.Tries() == 0:
		return "no credentials were found: set AZURE_STORAGE_KEY or AZURE_STORAGE_CONNECTION_STRING, or give this machine an identity"
	}
	return fmt.Sprintf("is %s reachable from here?", c.at.Endpoint)
}
