package cli

import (
	"encoding/json"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/symphony-rtc/symphony/internal/bench"
)

func newBenchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a server under the load of many users, and how a cluster spreads its rooms",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBenchReferenceCommand(), newBenchPlacementCommand())
	return cmd
}

// benchFlags is what the flags of `symphony bench reference` say.
type benchFlags struct {
	config bench.Config
	search bench.SearchConfig
	idle   bool
	crowd  bool
	find   bool
	json   bool
}

func newBenchReferenceCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "reference",
		Short: "Play many users of any y-websocket server and measure delivery, losses and cost",
		Long: "Plays users in rooms against any server that speaks the y-websocket protocol. Each user types into the room's\n" +
			"shared text and moves its cursor: by default in rooms of 4, 1 document update and 5 presence updates per second.\n" +
			"Every message has a time at which it is due, whatever the server does; delivery is measured from that time until\n" +
			"another member of the room has the message.\n\n" +
			"Run it on another core than the server's (taskset -c), and give the server's process id to learn what it costs.",
		Example: "  symphony bench reference --url ws://127.0.0.1:8080/rooms --users 4000 --ramp 10s --pid $(pidof symphony)\n" +
			"  symphony bench reference --url ws://127.0.0.1:1234 --search\n" +
			"  symphony bench reference --crowd --users 200\n" +
			"  symphony bench reference --idle --users 10000 --pid 4711",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	c := &f.config
	flags.StringVar(&c.URL, "url", "ws://127.0.0.1:8080/rooms", "server; the room's name is appended as the last path segment")
	flags.IntVar(&c.Users, "users", 1000, "connections; with --search, the number to begin with")
	flags.IntVar(&c.RoomSize, "rooms-of", 4, "users per room")
	flags.Float64Var(&c.DocumentRate, "document-rate", 1, "document updates per user and second")
	flags.Float64Var(&c.PresenceRate, "presence-rate", 5, "presence updates per user and second")
	flags.DurationVar(&c.Duration, "duration", 30*time.Second, "of the measurement, after the ramp")
	flags.DurationVar(&c.Ramp, "ramp", 10*time.Second, "time over which the connections are opened")
	flags.DurationVar(&c.Settle, "settle", time.Second, "wait between the last connection and the measurement")
	flags.DurationVar(&c.Drain, "drain", 5*time.Second, "longest wait for deliveries after the last message")
	flags.Float64Var(&c.SymphonyShare, "symphony-share", 1, "share of users (0 to 1) that offer symphony.v1 to measure time to durable; other servers ignore it")
	flags.BoolVar(&c.MergedPresence, "merged-presence", false, "accept that the server sends only the newest presence state of a user (always on with --crowd)")
	flags.IntVar(&c.PID, "pid", 0, "process id of the server, to measure its CPU and memory")
	flags.BoolVar(&c.Descendants, "pid-children", false, "also measure all processes that --pid started")
	flags.IntVar(&c.Loops, "loops", 1, "event loops (threads) of the generator")
	flags.StringVar(&c.RoomPrefix, "room-prefix", "", "rooms are named prefix-0, prefix-1 ... (default a new random prefix)")
	flags.BoolVar(&f.idle, "idle", false, "send nothing after connecting: what an idle connection costs")
	flags.BoolVar(&f.crowd, "crowd", false, "put all users into one room")
	flags.BoolVar(&f.find, "search", false, "find the highest number of users that the server holds")
	flags.DurationVar(&f.search.Limit, "search-p99", 100*time.Millisecond, "with --search: highest 99th percentile of delivery that counts as held")
	flags.IntVar(&f.search.Most, "search-most", 20_000, "with --search: stop at this number of users")
	flags.Float64Var(&f.search.Precision, "search-precision", 0.05, "with --search: stop when the result is known this precisely, as a share")
	flags.BoolVar(&f.json, "json", false, "print the result as JSON")
	cmd.MarkFlagsMutuallyExclusive("idle", "crowd")
	cmd.MarkFlagsMutuallyExclusive("idle", "search")
	return cmd
}

func (f *benchFlags) run(cmd *cobra.Command) error {
	if f.idle {
		f.config.DocumentRate, f.config.PresenceRate = 0, 0
	}
	if f.crowd {
		f.config.RoomSize, f.config.MergedPresence = max(f.config.Users, f.search.Most), true
		if !f.find {
			f.config.RoomSize = f.config.Users
		}
	}
	if err := f.config.Validate(); err != nil {
		return misuse("%w", err)
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	progress := newBenchProgress(cmd.ErrOrStderr())
	if f.find {
		found, err := bench.Search(ctx, f.config, f.search, progress.show, func(s bench.Step) {
			progress.clear()
			printStep(cmd.ErrOrStderr(), s)
		})
		progress.clear()
		if err != nil {
			return err
		}
		return f.print(cmd, found, func() { printSearch(cmd.OutOrStdout(), found) })
	}
	result, err := bench.Run(ctx, f.config, progress.show)
	progress.clear()
	if err != nil {
		return err
	}
	return f.print(cmd, result, func() { printResult(cmd.OutOrStdout(), result) })
}

// print shows what was measured, as JSON or for people.
func (f *benchFlags) print(cmd *cobra.Command, value any, human func()) error {
	if !f.json {
		human()
		return nil
	}
	out := json.NewEncoder(cmd.OutOrStdout())
	out.SetIndent("", "  ")
	if err := out.Encode(value); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}
