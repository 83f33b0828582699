package azblob

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// connect makes the client, with the first credentials that are found, and completes at:
//
//  1. AZURE_STORAGE_CONNECTION_STRING, which names the account, too;
//  2. AZURE_STORAGE_KEY: a key of the account;
//  3. AZURE_STORAGE_SAS_TOKEN: a shared access signature;
//  4. azidentity's default chain: AZURE_CLIENT_ID and its kin, workload identity, managed identity, the Azure CLI.
//
// These are the names that the Azure CLI uses.
func connect(at *Config, options *container.ClientOptions) (*container.Client, error) {
	if text := os.Getenv("AZURE_STORAGE_CONNECTION_STRING"); text != "" && at.Account == "" && at.Endpoint == "" {
		client, err := container.NewClientFromConnectionString(text, at.Container, options)
		if err != nil {
			return nil, fmt.Errorf("read AZURE_STORAGE_CONNECTION_STRING: %w", err)
		}
		at.Endpoint, _, _ = strings.Cut(client.URL(), "?")
		return client, nil
	}
	if at.Account == "" {
		at.Account = os.Getenv("AZURE_STORAGE_ACCOUNT")
	}
	if at.Account == "" {
		return nil, errors.New("the storage account is not known: add ?account=... to the URL of the snapshots, " +
			"or set AZURE_STORAGE_ACCOUNT or AZURE_STORAGE_CONNECTION_STRING")
	}
	if at.Endpoint == "" {
		at.Endpoint = "https://" + at.Account + ".blob.core.windows.net"
	}
	where := strings.TrimRight(at.Endpoint, "/") + "/" + url.PathEscape(at.Container)
	if key := os.Getenv("AZURE_STORAGE_KEY"); key != "" {
		credential, err := container.NewSharedKeyCredential(at.Account, key)
		if err != nil {
			return nil, fmt.Errorf("read AZURE_STORAGE_KEY: %w", err)
		}
		return container.NewClientWithSharedKeyCredential(where, credential, options)
	}
	if token := strings.TrimPrefix(os.Getenv("AZURE_STORAGE_SAS_TOKEN"), "?"); token != "" {
		return container.NewClientWithNoCredential(where+"?"+token, options)
	}
	credential, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: azcore.ClientOptions{Retry: options.Retry, Telemetry: options.Telemetry},
	})
	if err != nil {
		return nil, fmt.Errorf("find Azure credentials: %w; set AZURE_STORAGE_KEY or give this machine an identity", err)
	}
	return container.NewClient(where, credential, options)
}
