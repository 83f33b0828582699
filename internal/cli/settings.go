package cli

import (
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/symphony-rtc/symphony/internal/app"
)

// settings gives a command the flags of all settings, and --config, and reads them in the order of their
// precedence: file, environment, flags.
type settings struct {
	file  string
	flags app.Config // where the flags' values go while they are parsed
	set   *pflag.FlagSet
}

func addSettings(cmd *cobra.Command) *settings {
	s := &settings{flags: app.Default(), set: cmd.Flags()}
	s.set.StringVarP(&s.file, "config", "c", "", "YAML file with settings (default: the value of "+app.FileEnv+")")
	s.set.SortFlags = false
	aliases := map[string]string{}
	for _, setting := range app.Settings(&s.flags) {
		doc := setting.Doc
		if setting.Alias != "" {
			aliases[setting.Alias] = setting.Flag
			doc += "; --" + setting.Alias + " for short"
		}
		s.set.Var(setting, setting.Flag, doc)
	}
	s.set.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if flag := aliases[name]; flag != "" {
			name = flag
		}
		return pflag.NormalizedName(name)
	})
	return s
}

// load returns the effective configuration, and the SYMPHONY_ variables that are no settings.
func (s *settings) load() (app.Config, []string, error) {
	config := app.Default()
	file, named := s.file, "--config"
	if file == "" {
		file, named = os.Getenv(app.FileEnv), app.FileEnv
	}
	if file != "" {
		if err := app.LoadFile(&config, file); err != nil {
			return config, nil, misuse("%w (from %s)", err, named)
		}
	}
	unknown, err := app.LoadEnv(&config, os.Environ())
	if err != nil {
		return config, nil, misuse("%w", err)
	}
	given := app.Settings(&s.flags)
	for i, setting := range app.Settings(&config) {
		if !s.set.Changed(setting.Flag) {
			continue
		}
		if err := setting.Set(given[i].String()); err != nil {
			return config, nil, misuse("--%s: %w", setting.Flag, err)
		}
	}
	if err := config.Validate(); err != nil {
		return config, nil, misuse("%w", err)
	}
	return config, unknown, nil
}

// warnUnknown tells of variables that are probably misspelt settings.
func warnUnknown(log *slog.Logger, unknown []string) {
	for _, name := range unknown {
		if meant, ok := app.NearestEnv(name); ok {
			log.Warn("environment variable is no setting", "name", name, "did_you_mean", meant)
		}
	}
}
