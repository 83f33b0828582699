// Package cli is Symphony's command line: one file for each command.
package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Main runs the command line args (without the program's name) and returns the exit code: 0 for success, 1 if
// the command failed, 2 if it was called wrongly (flags, configuration).
func Main(args []string, in io.Reader, out, errOut io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.Execute()
	if err == nil {
		return 0
	}
	fmt.Fprintf(errOut, "symphony: %v\n", err)
	if usage := (*usageError)(nil); errors.As(err, &usage) {
		return 2
	}
	return 1
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "symphony",
		Short: "Real-time collaboration for web applications",
		Long: "Symphony is a self-hosted server for real-time collaborative web applications. It serves rooms: each is a\n" +
			"shared Yjs document and the people connected to it.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return misuse("unknown command %q: run `symphony --help` to see all", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return misuse("%w: run `%s --help` to see the flags", err, cmd.CommandPath())
	})
	root.AddCommand(newDevCommand(), newServeCommand(), newRoomCommand(), newProxyCommand(), newConfigCommand(), newMigrateCommand(), newDoctorCommand(), newRepairCommand(), newBenchCommand(), newRoomsCommand(), newHostsCommand(), newExportCommand(), newImportCommand(), newVersionCommand())
	return root
}

// usageError is a command called wrongly, as opposed to one that failed.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func misuse(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// noArguments is cobra.NoArgs with the exit code of a misuse.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return misuse("unexpected argument %q: run `%s --help` to see the flags", args[0], cmd.CommandPath())
	}
	return nil
}
