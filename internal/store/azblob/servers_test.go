package azblob

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/cloud/cloudtest"
	"github.com/symphony-rtc/symphony/test/services"
)

// each runs every operation and gives its error to check.
func each(c *Container, check func(operation string, err error)) {
	ctx := context.Background()
	check("put", c.Put(ctx, "ab/1", []byte("x")))
	_, err := c.Get(ctx, "ab/1")
	check("get", err)
	check("list", c.List(ctx, func(string) error { return nil }))
	check("delete", c.Delete(ctx, "ab/1"))
}

func mustWork(t *testing.T, c *Container) {
	t.Helper()
	each(c, func(operation string, err error) {
		if err != nil {
			t.Errorf("%s: %v", operation, err)
		}
	})
}

func TestWrongContainer(t *testing.T) {
	server := services.Azure(t)
	server.Setenv(t)
	config := at(server.Addr)
	config.Container = "elsewhere"
	each(open(t, config), func(operation string, err error) {
		cloudtest.MustSay(t, err, operation, "azblob://elsewhere/", "no container elsewhere", server.Addr)
		if errors.Is(err, store.ErrNoObject) {
			t.Errorf("%s: a missing container counts as a missing object: %v", operation, err)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is a page: %v", operation, err)
		}
	})
}

// TestCredentials goes the ways that need no service but the storage.
func TestCredentials(t *testing.T) {
	server := services.Azure(t)
	server.Setenv(t)
	_, key, _ := strings.Cut(server.Env[0], "=")
	endpoint := "http://" + server.Addr + "/symphonytest"

	t.Run("wrong key", func(t *testing.T) {
		t.Setenv("AZURE_STORAGE_KEY", "d3Jvbmc=")
		each(open(t, at(server.Addr)), func(operation string, err error) {
			cloudtest.MustSay(t, err, operation, "does not accept the credentials", "AZURE_STORAGE_KEY")
		})
	})
	t.Run("no base64", func(t *testing.T) {
		t.Setenv("AZURE_STORAGE_KEY", "%%%")
		_, err := Open(at(server.Addr))
		cloudtest.MustSay(t, err, "AZURE_STORAGE_KEY")
	})
	t.Run("account by environment", func(t *testing.T) {
		t.Setenv("AZURE_STORAGE_ACCOUNT", "symphonytest")
		mustWork(t, open(t, Config{Container: "snapshots", Endpoint: endpoint}))
	})
	t.Run("connection string", func(t *testing.T) {
		t.Setenv("AZURE_STORAGE_KEY", "")
		t.Setenv("AZURE_STORAGE_CONNECTION_STRING",
			"DefaultEndpointsProtocol=http;AccountName=symphonytest;AccountKey="+key+";BlobEndpoint="+endpoint+";")
		mustWork(t, open(t, Config{Container: "snapshots"}))
		t.Setenv("AZURE_STORAGE_CONNECTION_STRING", "nonsense")
		_, err := Open(Config{Container: "snapshots"})
		cloudtest.MustSay(t, err, "AZURE_STORAGE_CONNECTION_STRING")
	})
	t.Run("shared access signature", func(t *testing.T) {
		credential, err := container.NewSharedKeyCredential("symphonytest", key)
		if err != nil {
			t.Fatal(err)
		}
		signed := func(permissions sas.ContainerPermissions) string {
			values, err := sas.BlobSignatureValues{
				ContainerName: "snapshots", ExpiryTime: time.Now().Add(time.Hour).UTC(), Permissions: permissions.String(),
			}.SignWithSharedKey(credential)
			if err != nil {
				t.Fatal(err)
			}
			return values.Encode()
		}
		t.Setenv("AZURE_STORAGE_KEY", "")
		t.Setenv("AZURE_STORAGE_SAS_TOKEN", "?"+signed(sas.ContainerPermissions{Create: true, Read: true, List: true, Delete: true}))
		mustWork(t, open(t, at(server.Addr)))
		t.Setenv("AZURE_STORAGE_SAS_TOKEN", signed(sas.ContainerPermissions{List: true}))
		err = open(t, at(server.Addr)).Put(context.Background(), "ab/1", []byte("x"))
		cloudtest.MustSay(t, err, "put", "Storage Blob Data Contributor")

		server.Stop()
		_, err = open(t, at(server.Addr)).Get(context.Background(), "ab/1")
		cloudtest.MustSay(t, err, "get", "reachable")
		if strings.Contains(err.Error(), "sig=") {
			t.Errorf("the error contains the signature: %v", err)
		}
	})
}

// TestListHasPages makes sure that the conformance suite's lists come in pages.
func TestListHasPages(t *testing.T) {
	server := services.Azure(t)
	server.Setenv(t)
	proxy := services.NewProxy(t, server.Addr)
	c := open(t, at(proxy.Addr))
	c.page = 2
	ctx := context.Background()
	for i := range 5 {
		if err := c.Put(ctx, store.NewSnapshotKey("room", 1, uint64(i)), nil); err != nil {
			t.Fatal(err)
		}
	}
	proxy.Seen()
	keys := 0
	if err := c.List(ctx, func(string) error { keys++; return nil }); err != nil || keys != 5 {
		t.Errorf("%d keys, %v", keys, err)
	}
	if requests := proxy.Seen(); len(requests) != 3 {
		t.Errorf("requests for 5 keys in pages of 2: %s", strings.Join(requests, ", "))
	}
}
