package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func newImportCommand() *cobra.Command {
	var r remote
	var replace, skip, asJSON bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Make the rooms of an exported file on a running server",
		Long: "Makes rooms of a file that `symphony export` wrote; - for standard input. The server checks all of it before it changes\n" +
			"anything. If one of the rooms exists already nothing is imported, unless --replace or --skip says what to do.",
		Args: arguments,
	}
	r.addFlags(cmd)
	cmd.Flags().BoolVar(&replace, "replace", false, "replace the documents of rooms that exist; what was before is kept as a version")
	cmd.Flags().BoolVar(&skip, "skip", false, "leave rooms that exist as they are")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the server's answer as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		existing := "refuse"
		switch {
		case replace && skip:
			return misuse("--replace and --skip exclude each other")
		case replace:
			existing = "replace"
		case skip:
			existing = "skip"
		}
		source := cmd.InOrStdin()
		if args[0] != "-" {
			f, err := os.Open(args[0])
			if err != nil {
				return fmt.Errorf("read the archive: %w", err)
			}
			defer f.Close()
			source = f
		}
		ctx, stop := interruptible(cmd)
		defer stop()
		progress := newCopyProgress(cmd.ErrOrStderr())
		answer, err := r.open(ctx, "POST", "/v1/import?existing="+existing, "application/x-tar", io.TeeReader(source, progress))
		progress.clear()
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			return fmt.Errorf("read the server's answer: %w", err)
		}
		if asJSON {
			return showJSON(cmd.OutOrStdout(), text)
		}
		var done struct{ Rooms, Created, Replaced, Skipped, Versions int }
		if err := json.Unmarshal(text, &done); err != nil {
			return fmt.Errorf("the server's answer makes no sense: %w", err)
		}
		return said("%s: %d created, %d replaced, %d left as they are; %s made.", plural(done.Rooms, "room"), done.Created,
			done.Replaced, done.Skipped, plural(done.Versions, "version"))(cmd.OutOrStdout())
	}
	return cmd
}
