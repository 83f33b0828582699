package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func newHostsCommand() *cobra.Command {
	r := &rooms{}
	cmd := &cobra.Command{
		Use: "hosts", Short: "List the hosts of a cluster", Args: noArguments,
		Long: "Lists the hosts of a cluster as a proxy (symphony proxy, or symphony serve --isolation process) sees them:\n" +
			"how many rooms each serves, how busy it is, and whether it is being drained.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var body struct {
				Hosts []struct {
					ID, Address, Zone, Version string
					Capacity, Rooms            int
					Load                       float64
					Draining                   bool
					Started                    time.Time
				}
			}
			text, err := r.ask(cmd.Context(), "GET", "/v1/hosts", nil, &body)
			if err != nil {
				return err
			}
			if r.json {
				return showJSON(cmd.OutOrStdout(), text)
			}
			if len(body.Hosts) == 0 {
				return said("There are no hosts.")(cmd.OutOrStdout())
			}
			rows := make([][]string, 0, len(body.Hosts))
			for _, h := range body.Hosts {
				state := "ready"
				if h.Draining {
					state = "draining"
				}
				rows = append(rows, []string{printable(h.ID), printable(h.Address), printable(h.Zone), fmt.Sprintf("%d of %d", h.Rooms, h.Capacity),
					fmt.Sprintf("%.0f %%", 100*h.Load), state, time.Since(h.Started).Round(time.Second).String(), printable(h.Version)})
			}
			return showTable(cmd.OutOrStdout(), []string{"HOST", "ADDRESS", "ZONE", "ROOMS", "BUSY", "STATE", "AGE", "VERSION"}, rows)
		},
	}
	r.addFlags(cmd)
	cmd.Flags().BoolVar(&r.json, "json", false, "print the server's answer as JSON")
	return cmd
}
