package s3

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain makes sure that nothing runs after the last Close.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
