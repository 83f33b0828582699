package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"
)

// versionInfo is a version of a room as the API describes it.
type versionInfo struct {
	Number     uint64
	Created    *time.Time
	Kind       string
	Label      string
	Generation uint64
	Updates    uint64
	Bytes      int64
}

func (r *rooms) versionsCommand() *cobra.Command {
	limit := 100
	cmd := &cobra.Command{Use: "versions ROOM", Short: "List the versions of a room, newest first", Args: arguments}
	cmd.Flags().IntVar(&limit, "limit", limit, "most versions that are listed; 0 for all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := roomPath(args[0], "versions")
		if err != nil {
			return err
		}
		heads := []string{"version", "created", "kind", "generation", "size", "label"}
		return list(r, cmd, path, "versions", limit, heads, func(v versionInfo) []string {
			return []string{strconv.FormatUint(v.Number, 10), shownTime(v.Created), v.Kind, strconv.FormatUint(v.Generation, 10),
				shownBytes(v.Bytes), quotedIfAny(v.Label)}
		})
	}
	return cmd
}

func (r *rooms) keepCommand() *cobra.Command {
	var label string
	cmd := &cobra.Command{Use: "keep ROOM", Short: "Keep the present state of a room as a version", Args: arguments}
	cmd.Flags().StringVar(&label, "label", "", "name of the version")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := roomPath(args[0], "versions")
		if err != nil {
			return err
		}
		var v versionInfo
		text, err := r.ask(cmd.Context(), "POST", path, map[string]string{"label": label}, &v)
		if err != nil {
			return err
		}
		return r.show(cmd, text, said("Kept as version %d.", v.Number))
	}
	return cmd
}

// versionPath is where the API has a version whose number is given as text.
func versionPath(id, number string, below ...string) (string, error) {
	if n, err := strconv.ParseUint(number, 10, 63); err != nil || n == 0 {
		return "", misuse("%q is no version: it has a number, which `symphony rooms versions` lists", number)
	}
	return roomPath(id, append([]string{"versions", number}, below...)...)
}

func (r *rooms) labelCommand() *cobra.Command {
	return &cobra.Command{
		Use: "label ROOM VERSION LABEL", Short: `Name a version, so that it stays; "" takes the name away`, Args: arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := versionPath(args[0], args[1])
			if err != nil {
				return err
			}
			text, err := r.call(cmd.Context(), "PATCH", path, map[string]string{"label": args[2]})
			if err != nil {
				return err
			}
			return r.show(cmd, text, said("Version %s has the label %s.", args[1], strconv.Quote(args[2])))
		},
	}
}

func (r *rooms) dropCommand() *cobra.Command {
	return &cobra.Command{
		Use: "drop ROOM VERSION", Short: "Remove a version for good", Args: arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := versionPath(args[0], args[1])
			if err != nil {
				return err
			}
			if _, err := r.call(cmd.Context(), "DELETE", path, nil); err != nil {
				return err
			}
			return r.show(cmd, []byte(`{"dropped": true}`), said("Version %s is gone.", args[1]))
		},
	}
}

func (r *rooms) diffCommand() *cobra.Command {
	return &cobra.Command{
		Use: "diff ROOM FROM [TO]", Short: "Show what changed between two versions, or since one", Args: arguments,
		Long: "Compares the documents of two versions, or of one and the present. With --json it prints a JSON Patch (RFC 6902).",
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{"from": {args[1]}, "to": {"present"}}
			if len(args) == 3 {
				query.Set("to", args[2])
			}
			path, err := roomPath(args[0], "diff")
			if err != nil {
				return err
			}
			ctx, stop := interruptible(cmd)
			defer stop()
			var patch []change
			text, err := r.ask(ctx, "GET", path+"?"+query.Encode(), nil, &patch)
			if err != nil {
				return err
			}
			return r.show(cmd, text, func(w io.Writer) error { return showPatch(w, patch) })
		},
	}
}

// change is an operation of a JSON Patch.
type change struct {
	Op, Path, From string
	Value          json.RawMessage
}

// showPatch prints a line for each change, with what was there before.
func showPatch(w io.Writer, patch []change) error {
	if len(patch) == 0 {
		return said("There is no difference.")(w)
	}
	added, removed := lipgloss.NewStyle().Foreground(lipgloss.Color("35")), lipgloss.NewStyle().Foreground(lipgloss.Color("203"))
	var was json.RawMessage
	for _, c := range patch {
		var err error
		path := shown(c.Path)
		switch c.Op {
		case "test": // what comes next changes this
			was = c.Value
			continue
		case "add":
			_, err = lipgloss.Fprintln(w, added.Render(fmt.Sprintf("+ %s %s", path, value(c.Value))))
		case "remove":
			_, err = lipgloss.Fprintln(w, removed.Render(fmt.Sprintf("- %s %s", path, value(was))))
		case "replace":
			_, err = lipgloss.Fprintln(w, removed.Render(fmt.Sprintf("- %s %s", path, value(was)))+"\n"+
				added.Render(fmt.Sprintf("+ %s %s", path, value(c.Value))))
		default:
			_, err = fmt.Fprintf(w, "%s %s %s\n", shown(c.Op), shown(c.From), path)
		}
		was = nil
		if err != nil {
			return err
		}
	}
	return nil
}

// value is JSON on one line, as far as it fits there.
func value(text json.RawMessage) string {
	const most = 200
	runes := []rune(string(text))
	for i, c := range runes {
		if !strconv.IsPrint(c) {
			runes[i] = '�'
		}
	}
	if len(runes) > most {
		return string(runes[:most]) + " ..."
	}
	return string(runes)
}

func (r *rooms) restoreCommand() *cobra.Command {
	var as string
	var yes bool
	cmd := &cobra.Command{
		Use: "restore ROOM VERSION", Short: "Make the content of a room that of a version", Args: arguments,
		Long: "Restores a version. As an edit, members stay, and the edit merges with theirs and can be taken back. As a replacement,\n" +
			"the room begins anew with the version's document: members start over and lose what they had not sent. Either\n" +
			"way the state before is kept as a version.",
	}
	cmd.Flags().StringVar(&as, "as", "edit", "edit or replacement")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := versionPath(args[0], args[1], "restore")
		if err != nil {
			return err
		}
		switch as {
		case "edit":
		case "replacement":
			question := fmt.Sprintf("Replace the document of room %s? Its members start over.", shown(args[0]))
			if err := confirm(cmd, yes, question); err != nil {
				return err
			}
		default:
			return misuse("--as is edit or replacement, not %q", as)
		}
		ctx, stop := interruptible(cmd)
		defer stop()
		var done struct{ Before *uint64 }
		text, err := r.ask(ctx, "POST", path, map[string]string{"as": as}, &done)
		if err != nil {
			return err
		}
		if done.Before == nil {
			return r.show(cmd, text, said("The room is as in version %s already.", args[1]))
		}
		return r.show(cmd, text, said("The room is as in version %s. What was before is version %d.", args[1], *done.Before))
	}
	return cmd
}

func (r *rooms) visitsCommand() *cobra.Command {
	limit := 100
	cmd := &cobra.Command{Use: "visits ROOM", Short: "List who was connected to a room, newest first", Args: arguments}
	cmd.Flags().IntVar(&limit, "limit", limit, "most visits that are listed; 0 for all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := roomPath(args[0], "visits")
		if err != nil {
			return err
		}
		heads := []string{"connection", "protocol", "joined", "left", "reason"}
		return list(r, cmd, path, "visits", limit, heads, func(v visitInfo) []string {
			return []string{shown(v.Connection), shown(v.Protocol), shownTime(v.Joined), shownTime(v.Left), quotedIfAny(v.Reason)}
		})
	}
	return cmd
}

// visitInfo is a visit as the API describes it.
type visitInfo struct {
	Connection, Protocol, Reason string
	Joined, Left                 *time.Time
}
