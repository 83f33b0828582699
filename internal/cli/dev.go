package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/symphony-rtc/symphony/internal/app"
	"github.com/symphony-rtc/symphony/internal/telemetry"
)

func newDevCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run a server with everything embedded, for development and single machines",
		Long: "Runs a complete server in this process: rooms, an embedded store in a directory, a demo page.\n" +
			"Stop it with Ctrl+C or SIGTERM: members are told to reconnect and everything is stored. A second signal ends\n" +
			"it at once; what was acknowledged is safe even then.",
		Args: noArguments,
	}
	flags := addSettings(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		config, unknown, err := flags.load()
		if err != nil {
			return err
		}
		log, err := telemetry.NewLogger(cmd.ErrOrStderr(), config.Log.Level, config.Log.Format)
		if err != nil {
			return misuse("%w", err)
		}
		warnUnknown(log, unknown)

		signals := make(chan os.Signal, 2)
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
		defer signal.Stop(signals)

		server, err := app.StartDev(cmd.Context(), config, log, Version())
		if err != nil {
			return err
		}
		printPlaces(cmd.OutOrStdout(), server.Places())
		return runUntilSignal(server, signals, config)
	}
	return cmd
}

// runUntilSignal waits for a signal, or for the server to fail, and shuts it down.
func runUntilSignal(server *app.Server, signals <-chan os.Signal, config app.Config) error {
	var failure error
	select {
	case <-signals:
	case failure = <-server.Failed():
	}
	ctx, cancel := context.WithTimeout(context.Background(), config.Shutdown.Grace)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- server.Shutdown(ctx) }()
	select {
	case err := <-done:
		return errors.Join(failure, err)
	case <-signals:
		return errors.Join(failure, errors.New("stopped at once by a second signal: what was acknowledged is stored"))
	}
}
