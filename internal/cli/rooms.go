package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newRoomsCommand() *cobra.Command {
	r := &rooms{}
	cmd := &cobra.Command{
		Use:   "rooms",
		Short: "List, create, delete and repair the rooms of a running server, and go back in their history",
		Long: "Manages the rooms of a running server through its management API (docs/management.md).\n\n" +
			"The server is the one at " + defaultServer + " unless --server or " + serverEnv + " says otherwise. If it has a\n" +
			"token (the setting admin.token), give it with --token or " + tokenEnv + ".",
		Args: subcommands,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	r.addFlags(cmd)
	cmd.PersistentFlags().BoolVar(&r.json, "json", false, "print the server's answer as JSON")
	cmd.AddCommand(r.listCommand(), r.showCommand(), r.createCommand(), r.deleteCommand(), r.undeleteCommand(), r.eraseCommand(),
		r.versionsCommand(), r.keepCommand(), r.labelCommand(), r.dropCommand(), r.diffCommand(), r.restoreCommand(),
		r.visitsCommand(), r.repairCommand(), r.moveCommand())
	return cmd
}

// rooms is what the commands below `symphony rooms` share.
type rooms struct {
	remote
	json bool
}

// subcommands refuses what is none.
func subcommands(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return misuse("unknown command %q: run `%s --help` to see all", args[0], cmd.CommandPath())
	}
	return nil
}

// arguments wants exactly the arguments that are named in a command's usage line; those in brackets may be missing.
func arguments(cmd *cobra.Command, args []string) error {
	names := strings.Fields(cmd.Use)[1:]
	least := 0
	for _, name := range names {
		if !strings.HasPrefix(name, "[") {
			least++
		}
	}
	if len(args) < least || len(args) > len(names) {
		return misuse("usage: %s %s", cmd.CommandPath(), strings.Join(names, " "))
	}
	return nil
}

// show prints an answer: as it is with --json, else as f does.
func (r *rooms) show(cmd *cobra.Command, text []byte, f func(w io.Writer) error) error {
	if r.json {
		return showJSON(cmd.OutOrStdout(), text)
	}
	return f(cmd.OutOrStdout())
}

func said(format string, args ...any) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := fmt.Fprintf(w, format+"\n", args...)
		return err
	}
}

// roomInfo is a room as the API describes it.
type roomInfo struct {
	ID          string
	Open        bool
	Host        string
	Members     int
	Present     int
	Created     *time.Time
	Updated     *time.Time
	LastActive  *time.Time
	Updates     uint64
	Durable     uint64
	Generation  uint64
	Bytes       struct{ Snapshot, Journal, Memory int64 }
	Error       string
	Deleted     *time.Time
	Quarantine  string
	MostMembers int
	Joins       int64
}

func (i roomInfo) state() string {
	switch {
	case i.Deleted != nil:
		return "deleted"
	case i.Quarantine != "":
		return "damaged"
	case i.Open:
		return "open"
	}
	return "stored"
}

// pages reads a list of the API in pages until there are enough, 0 for all. more says that there are others.
func (r *rooms) pages(cmd *cobra.Command, path, list string, limit int) (items []json.RawMessage, more bool, err error) {
	ctx, stop := interruptible(cmd)
	defer stop()
	const most = 1000
	page := most
	if limit > 0 {
		page = min(limit, most)
	}
	next := path + "?" + url.Values{"limit": {strconv.Itoa(page)}}.Encode()
	for {
		var body map[string]json.RawMessage
		if _, err := r.ask(ctx, "GET", next, nil, &body); err != nil {
			return nil, false, err
		}
		var some []json.RawMessage
		if err := json.Unmarshal(body[list], &some); err != nil {
			return nil, false, fmt.Errorf("the server's answer makes no sense: %w", err)
		}
		items = append(items, some...)
		if limit > 0 && len(items) > limit {
			return items[:limit], true, nil
		}
		var follows *string
		if err := json.Unmarshal(body["next"], &follows); err != nil {
			return nil, false, fmt.Errorf("the server's answer makes no sense: %w", err)
		}
		if follows == nil {
			return items, false, nil
		}
		if len(items) == limit {
			return items, true, nil
		}
		next = *follows
	}
}

// list prints a list of the API: all of it as a JSON array, or a row for each.
func list[T any](r *rooms, cmd *cobra.Command, path, name string, limit int, heads []string, row func(T) []string) error {
	if limit < 0 {
		return misuse("--limit is at least 1, or 0 for all")
	}
	items, more, err := r.pages(cmd, path, name, limit)
	if err != nil {
		return err
	}
	if r.json {
		text, err := json.Marshal(append([]json.RawMessage{}, items...))
		if err != nil {
			return err
		}
		return showJSON(cmd.OutOrStdout(), text)
	}
	var rows [][]string
	for _, item := range items {
		var value T
		if err := json.Unmarshal(item, &value); err != nil {
			return fmt.Errorf("the server's answer makes no sense: %w", err)
		}
		rows = append(rows, row(value))
	}
	heads, rows = withoutEmpty(hostHead, heads, rows)
	if err := showTable(cmd.OutOrStdout(), heads, rows); err != nil {
		return err
	}
	if more {
		fmt.Fprintf(cmd.ErrOrStderr(), "There are more: see all with --limit 0\n")
	}
	return nil
}

// hostHead is over the hosts of rooms, which there are only in a cluster.
const hostHead = "host"

func (r *rooms) listCommand() *cobra.Command {
	limit := 100
	cmd := &cobra.Command{Use: "list", Short: "List rooms in the order of their ids", Args: noArguments}
	cmd.Flags().IntVar(&limit, "limit", limit, "most rooms that are listed; 0 for all")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		heads := []string{"room", "state", "members", "size", "updated", "last active", hostHead}
		return list(r, cmd, "/v1/rooms", "rooms", limit, heads, func(i roomInfo) []string {
			return []string{shown(i.ID), i.state(), strconv.Itoa(i.Members), shownBytes(i.Bytes.Snapshot + i.Bytes.Journal),
				shownTime(i.Updated), shownTime(i.LastActive), printable(i.Host)}
		})
	}
	return cmd
}

func (r *rooms) showCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ROOM", Short: "Show what is known of a room", Args: arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := roomPath(args[0])
			if err != nil {
				return err
			}
			var i roomInfo
			text, err := r.ask(cmd.Context(), "GET", path, nil, &i)
			if err != nil {
				return err
			}
			return r.show(cmd, text, func(w io.Writer) error { return showRoom(w, i) })
		},
	}
}

func showRoom(w io.Writer, i roomInfo) error {
	members := fmt.Sprintf("%d now, %d at most, %d joined so far", i.Members, i.MostMembers, i.Joins)
	size := fmt.Sprintf("%s snapshot, %s journal", shownBytes(i.Bytes.Snapshot), shownBytes(i.Bytes.Journal))
	if i.Open {
		size += fmt.Sprintf(", about %s in memory", shownBytes(i.Bytes.Memory))
	}
	return showFields(w, [][2]string{
		{"room", shown(i.ID)}, {"state", i.state()}, {"host", printable(i.Host)}, {"deleted", shownTime(i.Deleted)}, {"damage", printable(i.Quarantine)},
		{"error", printable(i.Error)}, {"members", members}, {"size", size},
		{"updates", fmt.Sprintf("%d, %d of them durable", i.Updates, i.Durable)}, {"generation", strconv.FormatUint(i.Generation, 10)},
		{"created", shownTime(i.Created)}, {"updated", shownTime(i.Updated)}, {"last active", shownTime(i.LastActive)},
	})
}

func quotedIfAny(text string) string {
	if text == "" {
		return ""
	}
	return shown(text)
}
