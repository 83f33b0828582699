package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/symphony-rtc/symphony/internal/app"
	"github.com/symphony-rtc/symphony/internal/doctor"
)

func newDoctorCommand() *cobra.Command {
	var o doctor.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the storage of a server and everything in it",
		Long: "Checks what a server with the same flags, environment and file would use: catalog, place of snapshots, disk, clocks; then every\n" +
			"room: snapshots, versions, journal. Servers may run meanwhile. Nothing is changed without --fix, but for an object that\n" +
			"is put to the snapshots and deleted again. The exit code is 1 if something is broken; what is only doubtful is told.\n" +
			"`symphony repair` repairs damaged rooms; docs/doctor.md explains both.",
		Args: noArguments,
	}
	cmd.Flags().StringSliceVar(&o.Rooms, "rooms", nil, "look at these rooms only, separated by commas")
	cmd.Flags().BoolVar(&o.Quick, "quick", false, "do not look at rooms and objects")
	cmd.Flags().BoolVar(&o.Fix, "fix", false, "remove objects that nothing refers to, lift quarantines of rooms that are fine again (with an embedded catalog only while no server runs)")
	cmd.Flags().IntVar(&o.Requests, "requests", 4, "how many rooms are looked at, at the same time")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	flags := addSettings(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.Quick && len(o.Rooms) > 0 {
			return misuse("--quick looks at no rooms: leave out --rooms, or --quick")
		}
		storage, err := storageOf(cmd, flags)
		if err != nil {
			return err
		}
		ctx, stop := untilSignal(cmd)
		defer stop()

		out := cmd.OutOrStdout()
		bar := newProgressBar(cmd.ErrOrStderr(), "rooms")
		findings := []doctor.Finding{}
		report := func(f doctor.Finding) {
			if asJSON {
				findings = append(findings, f)
				return
			}
			bar.clear()
			printFinding(out, f)
		}
		sum, err := doctor.Run(ctx, storage, o, report, func(p doctor.Progress) { bar.show(p.Rooms, p.Of) })
		bar.clear()
		if asJSON {
			if e := writeJSON(out, map[string]any{"summary": sum, "findings": findings}); e != nil {
				return e
			}
		}
		if err != nil {
			return fmt.Errorf("not finished: %w", err)
		}
		if !asJSON {
			printSummary(out, sum)
		}
		if sum.State == doctor.Broken {
			return fmt.Errorf("found %d broken things", sum.Broken)
		}
		return nil
	}
	return cmd
}

// untilSignal is a context that ends at the first signal to end. A second signal ends the process.
func untilSignal(cmd *cobra.Command) (ctx context.Context, stop func()) {
	ctx, stop = signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// storageOf reads the configuration and returns the storage that it names.
func storageOf(cmd *cobra.Command, flags *settings) (doctor.Storage, error) {
	config, unknown, err := flags.load()
	if err != nil {
		return doctor.Storage{}, err
	}
	for _, name := range unknown {
		if meant, ok := app.NearestEnv(name); ok {
			fmt.Fprintf(cmd.ErrOrStderr(), "symphony: environment variable %s is no setting: did you mean %s?\n", name, meant)
		}
	}
	return app.ForDoctor(config, slog.New(slog.DiscardHandler)), nil // what a log would say is among the findings
}

func writeJSON(w io.Writer, value any) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	if err := out.Encode(value); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}
