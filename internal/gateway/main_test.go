package gateway

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(loadAddr); addr != "" {
		os.Exit(generateLoad(addr))
	}
	goleak.VerifyTestMain(m)
}
