package services

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/symphony-rtc/symphony/test/network"
)

const (
	azureAccount = "symphonytest"
	azureKey     = "b25seS1mb3ItdGVzdHM=" // base64, as Azure's keys are
)

// Azure starts Azurite's blob service, Microsoft's own emulator, which runs in Node.js and keeps objects as files. It
// writes its index every few seconds and when it is stopped.
func Azure(t testing.TB) *Bucket {
	t.Helper()
	program := tool(t, "azurite", "azure", "test", "servers", "node_modules", "azurite", "dist", "src", "blob", "main.js")
	s := newServer(t, network.Place{}, "", "/")
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	s.command = func() *exec.Cmd {
		cmd := exec.Command("node", program, "--blobHost", host, "--blobPort", port, "--location", s.Dir,
			"--silent", "--disableTelemetry", "--skipApiVersionCheck", "--disableProductStyleUrl")
		cmd.Env = append(os.Environ(), "AZURITE_ACCOUNTS="+azureAccount+":"+azureKey)
		return cmd
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if err := makeAzureContainer(s.Addr); err != nil {
		t.Fatal(err)
	}
	return &Bucket{
		Server: s,
		URL:    "azblob://" + bucketName + "/test?account=" + azureAccount + "&endpoint=http://" + s.Addr + "/" + azureAccount,
		Env:    []string{"AZURE_STORAGE_KEY=" + azureKey},
	}
}

func makeAzureContainer(addr string) error {
	credential, err := container.NewSharedKeyCredential(azureAccount, azureKey)
	if err != nil {
		return err
	}
	url := "http://" + addr + "/" + azureAccount + "/" + bucketName
	client, err := container.NewClientWithSharedKeyCredential(url, credential, nil)
	if err != nil {
		return err
	}
	if _, err := client.Create(context.Background(), nil); err != nil {
		return fmt.Errorf("make a container: %w", err)
	}
	return nil
}
