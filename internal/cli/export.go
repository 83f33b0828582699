package cli

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/symphony-rtc/symphony/internal/archive"
)

func newExportCommand() *cobra.Command {
	var r remote
	var file string
	var all, versions bool
	cmd := &cobra.Command{
		Use:   "export [ROOM...]",
		Short: "Copy rooms of a running server into a file",
		Long: "Writes rooms into one file, which `symphony import` reads (docs/export.md). It is checked while it is written. If\n" +
			"its name ends in .zst, it is compressed. A room that is damaged is written as far as it can be read, and then\n" +
			"the exit code is 1.",
		Example: "  symphony export --all --versions -o backup.tar.zst\n" +
			"  symphony export board-1 board-2 -o boards.tar\n" +
			"  symphony export --all -o - | ssh elsewhere symphony import -",
	}
	r.addFlags(cmd)
	cmd.Flags().StringVarP(&file, "output", "o", "", "file to write, which must not exist; - for standard output")
	cmd.Flags().BoolVar(&all, "all", false, "all rooms that are not deleted")
	cmd.Flags().BoolVar(&versions, "versions", false, "their versions, too")
	cmd.RunE = func(cmd *cobra.Command, ids []string) error {
		switch {
		case file == "":
			return misuse("say with -o which file to write, or - for standard output")
		case all == (len(ids) > 0):
			return misuse("say which rooms to export, or --all")
		}
		query := url.Values{"room": ids}
		for name, given := range map[string]bool{"all": all, "versions": versions, "compress": strings.HasSuffix(file, ".zst")} {
			if given {
				query.Set(name, "true")
			}
		}
		return r.export(cmd, "/v1/export?"+query.Encode(), file)
	}
	return cmd
}

// export gets an archive, checks it and writes it.
func (r *remote) export(cmd *cobra.Command, path, file string) (err error) {
	if file != "-" {
		if _, err := os.Lstat(file); err == nil {
			return fmt.Errorf("%s exists already: choose another name, or remove it", file)
		}
	}
	ctx, stop := interruptible(cmd)
	defer stop()
	answer, err := r.open(ctx, "GET", path, "", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	out := cmd.OutOrStdout()
	if file != "-" {
		part, err := os.CreateTemp(filepath.Dir(file), ".symphony-export-*")
		if err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
		defer os.Remove(part.Name()) // if it is still there
		defer part.Close()
		out = part
	}
	progress := newCopyProgress(cmd.ErrOrStderr())
	rooms, damaged, err := copyArchive(out, answer.Body, progress)
	progress.clear()
	if err != nil {
		return fmt.Errorf("export to %s: %w", file, err)
	}
	if part, ok := out.(*os.File); ok && file != "-" {
		if err := errors.Join(part.Sync(), part.Close(), os.Rename(part.Name(), file)); err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s exported, %s.\n", plural(rooms, "room"), shownBytes(progress.bytes))
	for _, d := range damaged {
		fmt.Fprintf(cmd.ErrOrStderr(), "damaged: %s\n", d)
	}
	if len(damaged) > 0 {
		return fmt.Errorf("%s damaged, exported as far as they can be read: `symphony rooms repair` makes that their state", plural(len(damaged), "room"))
	}
	return nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// copyArchive writes an archive while it checks it, and says which of its rooms are damaged.
func copyArchive(w io.Writer, r io.Reader, progress *copyProgress) (rooms int, damaged []string, err error) {
	source := io.TeeReader(r, io.MultiWriter(w, progress))
	ar, err := archive.NewReader(source)
	if err != nil {
		return 0, nil, err
	}
	defer ar.Close()
	for {
		about, err := ar.NextRoom()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, source) // to the end
			return rooms, damaged, err
		}
		if err != nil {
			return rooms, damaged, err
		}
		rooms++
		progress.rooms = rooms
		damage := about.Damage
		for range about.Versions {
			v, _, err := ar.NextVersion()
			if err != nil {
				return rooms, damaged, err
			}
			if v.Damage != "" {
				damage = append(damage, fmt.Sprintf("version %d: %s", v.Number, v.Damage))
			}
		}
		if _, err := ar.Document(); err != nil {
			return rooms, damaged, err
		}
		if len(damage) > 0 {
			damaged = append(damaged, shown(about.ID)+": "+printable(strings.Join(damage, "; ")))
		}
	}
}
