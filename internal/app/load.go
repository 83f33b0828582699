package app

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// LoadFile changes c by the YAML file at path. It is strict: an unknown name, a name given twice or a value that
// does not fit is an error that names its line.
func LoadFile(c *Config, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the configuration file: %w", err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if document.IsZero() || len(document.Content) == 0 { // an empty file, or only comments
		return nil
	}
	if err := applyNode(Settings(c), "", document.Content[0]); err != nil {
		return fmt.Errorf("%s:%w", path, err)
	}
	return nil
}

// applyNode sets what the mapping node says about the settings whose names begin with prefix.
func applyNode(settings []Setting, prefix string, node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" { // a group with nothing in it
		return nil
	}
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("%d: expected settings such as %q", node.Line, "addr: 127.0.0.1:8080")
	}
	seen := map[string]bool{}
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		name := prefix + key.Value
		if group, rest, dotted := strings.Cut(key.Value, "."); dotted {
			return fmt.Errorf("%d: setting %q: write %s under %s, on a line of its own", key.Line, name, rest, group)
		}
		if seen[name] {
			return fmt.Errorf("%d: setting %q is given twice", key.Line, name)
		}
		seen[name] = true
		if at := slices.IndexFunc(settings, func(s Setting) bool { return s.Name == name }); at >= 0 {
			if err := applyValue(settings[at], value); err != nil {
				return fmt.Errorf("%d: setting %q: %w", value.Line, name, err)
			}
			continue
		}
		if !slices.ContainsFunc(settings, func(s Setting) bool { return strings.HasPrefix(s.Name, name+".") }) {
			return fmt.Errorf("%d: %w", key.Line, unknownSetting(settings, name))
		}
		if err := applyNode(settings, name+".", value); err != nil {
			return err
		}
	}
	return nil
}

func applyValue(s Setting, value *yaml.Node) error {
	switch value.Kind {
	case yaml.ScalarNode:
		if value.Tag == "!!null" {
			return errors.New("has no value: give one, or remove the line to use the default")
		}
		return s.Set(value.Value)
	case yaml.SequenceNode:
		if s.Type() != "list" {
			return errors.New("takes one value, not a list")
		}
		var items []string
		if err := value.Decode(&items); err != nil {
			return errors.New("takes a list of texts")
		}
		return s.Set(strings.Join(items, ","))
	}
	return errors.New("takes a value, not a group of settings")
}

// unknownSetting is the error for a name that is no setting: with the setting that was probably meant.
func unknownSetting(settings []Setting, name string) error {
	names := make([]string, 0, len(settings))
	for _, s := range settings {
		if strings.HasSuffix(s.Name, "."+name) { // the right name in the wrong place
			return fmt.Errorf("unknown setting %q: did you mean %q?", name, s.Name)
		}
		names = append(names, s.Name)
	}
	if meant, ok := nearest(name, names); ok {
		return fmt.Errorf("unknown setting %q: did you mean %q?", name, meant)
	}
	return fmt.Errorf("unknown setting %q: run `symphony config --list` to see all", name)
}

// LoadEnv changes c by environ (lines of NAME=value, as os.Environ returns). It returns the names of variables
// that look like settings but are none, for a warning and not as an error, since orchestrators add variables of their
// own that begin with a service's name.
func LoadEnv(c *Config, environ []string) (unknown []string, err error) {
	settings := Settings(c)
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(name, envPrefix) || name == FileEnv {
			continue
		}
		at := slices.IndexFunc(settings, func(s Setting) bool { return s.Env == name })
		if at < 0 {
			unknown = append(unknown, name)
			continue
		}
		if err := settings[at].Set(value); err != nil {
			return unknown, fmt.Errorf("environment variable %s: %w", name, err)
		}
	}
	slices.Sort(unknown)
	return unknown, nil
}
