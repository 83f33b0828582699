package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/symphony-rtc/symphony/internal/app"
	"github.com/symphony-rtc/symphony/internal/telemetry"
)

func newDevCommand() *cobra.Command {
	return newServerCommand(&cobra.Command{
		Use:   "dev",
		Short: "Run a server for development, with a demo page and everything embedded",
		Long: "Runs a complete server in this process: rooms, an embedded store in a directory, a demo page. Pages of localhost may\n" +
			"connect, whatever their port.\n" + howItEnds,
	}, app.StartDev)
}

func newServeCommand() *cobra.Command {
	return newServerCommand(&cobra.Command{
		Use:   "serve",
		Short: "Run a server in production",
		Long: "Runs a server in this process, without demo page, for pages of its own origin and of the setting origins. Rooms are kept in\n" +
			"the data directory, or where --storage-catalog (Postgres) and --storage-snapshots (S3, Google Cloud Storage, Azure, a\n" +
			"directory) say; docs/storage.md explains both.\n" +
			"With --isolation process every room is served by a process of its own (docs/isolation.md).\n" + howItEnds,
	}, app.StartServe)
}

func newRoomCommand() *cobra.Command {
	return newServerCommand(&cobra.Command{
		Use:   "room",
		Short: "Run a host of a cluster: a process that serves rooms to proxies",
		Long: "Runs a host of a cluster. It registers with --cluster-registry, serves up to --cluster-capacity rooms that proxies\n" +
			"(symphony proxy) bring it, and needs storage that the hosts share: --storage-catalog and --storage-snapshots. With a\n" +
			"capacity of 1 it ends when its room has closed. SIGTERM hands its rooms to other hosts; their members do not notice.",
	}, app.StartRoom)
}

func newProxyCommand() *cobra.Command {
	return newServerCommand(&cobra.Command{
		Use:   "proxy",
		Short: "Run a front door of a cluster: it brings clients to the hosts of their rooms",
		Long: "Runs a proxy. It finds the hosts (symphony room) in --cluster-registry, opens rooms on the least loaded one, and keeps\n" +
			"clients connected while their rooms move. Any number of proxies may run. In Kubernetes, with --cluster-deployment, it\n" +
			"keeps hosts ready for rooms to come.",
	}, app.StartProxy)
}

const howItEnds = "Stop it with Ctrl+C or SIGTERM: members are told to reconnect and everything is stored. A second signal ends\n" +
	"it at once; what was acknowledged is safe even then."

// newServerCommand completes a command that runs a server until a signal comes.
func newServerCommand(cmd *cobra.Command, start func(context.Context, app.Config, *slog.Logger, string) (*app.Server, error)) *cobra.Command {
	cmd.Args = noArguments
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

		ctx, cancel := context.WithCancel(cmd.Context())
		defer cancel() // not before: credentials of clouds are renewed with it
		server, err := startUntilSignal(signals, cancel, func() (*app.Server, error) { return start(ctx, config, log, Version()) })
		if err != nil {
			return err
		}
		announce(cmd.OutOrStdout(), log, server.Places())
		return runUntilSignal(server, signals, config)
	}
	return cmd
}

// startUntilSignal starts a server; a signal meanwhile ends the attempt.
func startUntilSignal(signals <-chan os.Signal, cancel func(), start func() (*app.Server, error)) (*app.Server, error) {
	type result struct {
		server *app.Server
		err    error
	}
	started := make(chan result, 1)
	go func() {
		server, err := start()
		started <- result{server, err}
	}()
	select {
	case r := <-started:
		return r.server, r.err
	case <-signals:
		cancel()
	}
	r := <-started
	if r.err == nil { // it was just done
		r.err = r.server.Shutdown(context.Background())
	}
	return nil, errors.Join(errors.New("stopped while it was starting"), r.err)
}

// runUntilSignal waits for a signal, or for the server to fail or to have nothing more to do, and shuts it down.
func runUntilSignal(server *app.Server, signals <-chan os.Signal, config app.Config) error {
	var failure error
	select {
	case <-signals:
	case <-server.Done():
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
