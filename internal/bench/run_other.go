//go:build !linux

package bench

import (
	"context"
	"errors"
)

// Run plays the users that cfg describes; on this system it cannot.
func Run(context.Context, Config, func(Progress)) (*Result, error) {
	return nil, errors.New("the load generator needs Linux (it is built on epoll): run it there, or in a container")
}
