package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"charm.land/lipgloss/v2"

	"github.com/symphony-rtc/symphony/internal/doctor"
)

func newRepairCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "repair ROOM...",
		Short: "Repair damaged rooms from their last good snapshot and journal",
		Long: "Makes what can still be read of a damaged room its state: the newest good snapshot (the newest, the one before, or a version) and\n" +
			"every good journal row after it. Clients that have what is missing bring it back when they connect. A room with which\n" +
			"nothing is wrong is left alone. With an embedded catalog no server may run; with Postgres servers may, and one that\n" +
			"shows the damaged room notices within a minute. The flags, environment and file are those of the server.",
		Example: "  symphony repair my-room\n  symphony repair --data /var/lib/symphony \"plans/2026\" \"plans/2027\"",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return misuse("no room is given: `symphony doctor` says which ones are damaged")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	flags := addSettings(cmd)
	cmd.RunE = func(cmd *cobra.Command, rooms []string) error {
		storage, err := storageOf(cmd, flags)
		if err != nil {
			return err
		}
		ctx, stop := untilSignal(cmd)
		defer stop()
		failed := 0
		list := []doctor.Repaired{}
		err = doctor.Repair(ctx, storage, rooms, func(r doctor.Repaired) {
			if r.Done == doctor.DoneFailed {
				failed++
			}
			if asJSON {
				list = append(list, r)
			} else {
				printRepaired(cmd.OutOrStdout(), r)
			}
		})
		if asJSON {
			if e := writeJSON(cmd.OutOrStdout(), list); e != nil {
				return e
			}
		}
		if err == nil && failed > 0 {
			err = fmt.Errorf("%d of %d rooms could not be repaired", failed, len(rooms))
		}
		return err
	}
	return cmd
}

// printRepaired tells people what became of a room.
func printRepaired(w io.Writer, r doctor.Repaired) {
	state, text := doctor.Fine, ""
	switch r.Done {
	case doctor.DoneHealthy:
		text = "nothing is wrong with it, so nothing was changed"
	case doctor.DoneReleased:
		text = "nothing is wrong with it any more: it was taken out of quarantine"
	case doctor.DoneFailed:
		state, text = doctor.Broken, visible(r.Error)
	default:
		text = "repaired from " + source(r)
	}
	out := stateStyles[state].Render(fmt.Sprintf("%q", r.Room)) + " " + text + "\n"
	for _, damage := range r.Damage {
		out += "    was damaged: " + visible(damage) + "\n"
	}
	_, _ = lipgloss.Fprint(w, out)
}

// source says what a room was repaired from, and what may be missing.
func source(r doctor.Repaired) string {
	text := "its journal alone"
	if r.Through > 0 {
		text = fmt.Sprintf("a snapshot through update %d and its journal", r.Through)
	}
	if r.Updates == 1 {
		text += " (1 update)"
	} else {
		text += fmt.Sprintf(" (%d updates)", r.Updates)
	}
	if have := r.Through + uint64(r.Updates); have < r.Newest {
		text += fmt.Sprintf("; %d of %d updates are missing, which clients that have them bring back", r.Newest-have, r.Newest)
	}
	return text
}
