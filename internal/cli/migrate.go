package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/symphony-rtc/symphony/internal/app"
	"github.com/symphony-rtc/symphony/internal/telemetry"
)

func newMigrateCommand() *cobra.Command {
	var check, asJSON bool
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the schema of a Postgres catalog up to date",
		Long: "Brings the schema of the database that --storage-catalog names up to date, in one transaction. Servers of this version and\n" +
			"of the one before may run meanwhile. A server does the same at its start unless --storage-migrate=false. The embedded\n" +
			"catalog in a data directory needs none of it: it is brought up to date by the server that opens it.",
		Args: noArguments,
	}
	cmd.Flags().BoolVar(&check, "check", false, "change nothing; exit with 1 if there is something to do")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
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
		ctx, stop := untilSignal(cmd)
		defer stop()

		schema, err := app.SchemaOf(ctx, config)
		if err != nil {
			return err
		}
		did := migration{Schema: schema}
		if !check && !schema.Embedded && schema.Has != schema.Needs {
			if err := app.Migrate(ctx, config, log); err != nil { // a newer schema is refused there
				return err
			}
			did.Changed, did.From, did.Has = true, schema.Has, schema.Needs
		}
		if asJSON {
			out := json.NewEncoder(cmd.OutOrStdout())
			out.SetIndent("", "  ")
			err = out.Encode(did)
		} else {
			_, err = fmt.Fprintln(cmd.OutOrStdout(), did)
		}
		if err == nil && did.Has != did.Needs {
			err = fmt.Errorf("the schema has version %d and this program needs %d: %s", did.Has, did.Needs, did.advice())
		}
		return err
	}
	return cmd
}

// migration is what became of a catalog's schema.
type migration struct {
	app.Schema
	Changed bool  `json:"changed"`
	From    int64 `json:"from"` // version before the change; 0 without one
}

func (m migration) advice() string {
	if m.Has > m.Needs {
		return "a newer symphony changed it, use that version"
	}
	return "run `symphony migrate`"
}

// String is for people.
func (m migration) String() string {
	switch {
	case m.Embedded:
		return fmt.Sprintf("The catalog is embedded in %s: the server that opens it brings it up to date, there is nothing to do.", m.Catalog)
	case m.Changed && m.From == 0:
		return fmt.Sprintf("%s: made the tables, schema version %d.", m.Catalog, m.Has)
	case m.Changed:
		return fmt.Sprintf("%s: changed the schema from version %d to %d.", m.Catalog, m.From, m.Has)
	case m.Has == m.Needs:
		return fmt.Sprintf("%s: the schema has version %d, which is up to date.", m.Catalog, m.Has)
	case m.Has == 0:
		return fmt.Sprintf("%s: there are no tables of symphony yet.", m.Catalog)
	}
	return fmt.Sprintf("%s: the schema has version %d.", m.Catalog, m.Has)
}
