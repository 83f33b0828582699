// Command symphony is the collaboration server and its tools.
package main

import (
	"os"

	"github.com/symphony-rtc/symphony/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
