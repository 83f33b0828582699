package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func (r *rooms) createCommand() *cobra.Command {
	var file, format string
	cmd := &cobra.Command{
		Use: "create ROOM", Short: "Create a room, with a first content if one is given", Args: arguments,
		Long: "Creates a room. Its first content is a Yjs update (Y.encodeStateAsUpdate) in a file. Whoever else creates\n" +
			"the room at the same time, only one content is taken.",
	}
	cmd.Flags().StringVar(&file, "from", "", "file with the content; - for standard input")
	cmd.Flags().StringVar(&format, "format", "v1", "encoding of the content: v1 or v2")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := roomPath(args[0])
		if err != nil {
			return err
		}
		if format != "v1" && format != "v2" {
			return misuse("--format is v1 or v2, not %q", format)
		}
		var content []byte
		switch file {
		case "":
		case "-":
			content, err = io.ReadAll(cmd.InOrStdin())
		default:
			content, err = os.ReadFile(file)
		}
		if err != nil {
			return fmt.Errorf("read the content: %w", err)
		}
		answer, err := r.open(cmd.Context(), "PUT", path+"?format="+format, "application/octet-stream", bytes.NewReader(content))
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			return fmt.Errorf("read the server's answer: %w", err)
		}
		return r.show(cmd, text, said("Room %s was created.", shown(args[0])))
	}
	return cmd
}

func (r *rooms) deleteCommand() *cobra.Command {
	return &cobra.Command{
		Use: "delete ROOM", Short: "Delete a room: members are sent away; it can be brought back for a while", Args: arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := roomPath(args[0])
			if err != nil {
				return err
			}
			text, err := r.call(cmd.Context(), "DELETE", path, nil)
			if err != nil {
				return err
			}
			return r.show(cmd, text, said("Room %s was deleted. `symphony rooms undelete` brings it back.", shown(args[0])))
		},
	}
}

func (r *rooms) undeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use: "undelete ROOM", Short: "Bring a deleted room back", Args: arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := roomPath(args[0], "undelete")
			if err != nil {
				return err
			}
			text, err := r.call(cmd.Context(), "POST", path, nil)
			if err != nil {
				return err
			}
			return r.show(cmd, text, said("Room %s is back.", shown(args[0])))
		},
	}
}

func (r *rooms) eraseCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{Use: "erase ROOM", Short: "Remove a room with all its versions, for good", Args: arguments}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := roomPath(args[0])
		if err != nil {
			return err
		}
		if err := confirm(cmd, yes, fmt.Sprintf("Erase room %s with all its versions, for good?", shown(args[0]))); err != nil {
			return err
		}
		if _, err := r.call(cmd.Context(), "DELETE", path+"?erase=true", nil); err != nil {
			return err
		}
		return r.show(cmd, []byte(`{"erased": true}`), said("Room %s is gone.", shown(args[0])))
	}
	return cmd
}

func (r *rooms) repairCommand() *cobra.Command {
	return &cobra.Command{
		Use: "repair ROOM", Short: "Make what can be read of a damaged room its state", Args: arguments,
		Long: "Repairs a room whose stored data failed its checks: the newest good snapshot and the good updates after it become\n" +
			"the room's state. Clients that still have what is missing bring it back when they connect. If a file can be\n" +
			"restored from a backup, do that first: then nothing is missing.",
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := roomPath(args[0], "repair")
			if err != nil {
				return err
			}
			var done struct {
				Rechecked       bool
				Damage          []string
				Through, Newest uint64
				Updates         int
			}
			text, err := r.ask(cmd.Context(), "POST", path, nil, &done)
			if err != nil {
				return err
			}
			return r.show(cmd, text, func(w io.Writer) error {
				if done.Rechecked {
					return said("Room %s is whole: it can be used again.", shown(args[0]))(w)
				}
				for _, damage := range done.Damage {
					if err := said("Damaged: %s", printable(damage))(w); err != nil {
						return err
					}
				}
				return said("Room %s is repaired from its snapshot through update %d and %d updates after that, of %d.",
					shown(args[0]), done.Through, done.Updates, done.Newest-done.Through)(w)
			})
		},
	}
}

func (r *rooms) moveCommand() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "move ROOM", Short: "Have another host of the cluster serve a room; its members do not notice", Args: arguments,
		Long: "Moves an open room: its host stores it and lets go of it, another one opens it, and the proxies connect its members\n" +
			"to that. `symphony hosts` lists the hosts.",
	}
	cmd.Flags().StringVar(&to, "to", "", "id of the host that gets the room (default: whichever has most to spare)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := roomPath(args[0], "move")
		if err != nil {
			return err
		}
		if _, err := r.call(cmd.Context(), "POST", path, map[string]string{"to": to}); err != nil {
			return err
		}
		return r.show(cmd, []byte(`{"moved": true}`), said("Room %s has left its host.", shown(args[0])))
	}
	return cmd
}
