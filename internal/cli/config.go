package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/symphony-rtc/symphony/internal/app"
)

func newConfigCommand() *cobra.Command {
	var list bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the effective configuration, or explain all settings",
		Long: "Prints the configuration that `symphony dev` would use with the same flags and environment, as a YAML file\n" +
			"that --config reads. With --list, explains every setting instead.",
		Args: noArguments,
	}
	flags := addSettings(cmd)
	cmd.Flags().BoolVar(&list, "list", false, "explain every setting: its name, environment variable, flag, default and meaning")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if list {
			_, err := fmt.Fprint(cmd.OutOrStdout(), app.SettingsMarkdown())
			return err
		}
		config, unknown, err := flags.load()
		if err != nil {
			return err
		}
		for _, name := range unknown {
			if meant, ok := app.NearestEnv(name); ok {
				fmt.Fprintf(cmd.ErrOrStderr(), "symphony: environment variable %s is no setting: did you mean %s?\n", name, meant)
			}
		}
		_, err = fmt.Fprint(cmd.OutOrStdout(), app.ConfigYAML(config))
		return err
	}
	return cmd
}
