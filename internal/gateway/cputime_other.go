//go:build !unix

package gateway

import "time"

// processorTime is not known here, so the gateway never takes itself for busy.
func processorTime() time.Duration { return 0 }
