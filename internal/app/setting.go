package app

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// envPrefix begins the name of every environment variable that is a setting.
const envPrefix = "SYMPHONY_"

// FileEnv is the environment variable that names the configuration file, if no flag does.
const FileEnv = envPrefix + "CONFIG"

// Setting is one field of a Config, as files, the environment, flags and documentation know it.
type Setting struct {
	Name  string // in a file: the path of names, joined by dots, such as limits.room_members
	Env   string // SYMPHONY_LIMITS_ROOM_MEMBERS
	Flag  string // limits-room-members
	Alias string // a shorter flag for the same, "" if there is none
	Doc   string

	field reflect.Value
}

// Settings lists the fields of c in the order of their declaration. Setting one changes c.
func Settings(c *Config) []Setting {
	return appendSettings(nil, "", reflect.ValueOf(c).Elem())
}

func appendSettings(list []Setting, prefix string, group reflect.Value) []Setting {
	for i := range group.NumField() {
		tag := group.Type().Field(i).Tag
		name := prefix + tag.Get("name")
		if doc, leaf := tag.Lookup("doc"); leaf {
			list = append(list, Setting{
				Name:  name,
				Env:   envPrefix + strings.ToUpper(strings.ReplaceAll(name, ".", "_")),
				Flag:  strings.NewReplacer(".", "-", "_", "-").Replace(name),
				Alias: tag.Get("alias"),
				Doc:   doc,
				field: group.Field(i),
			})
			continue
		}
		list = appendSettings(list, name+".", group.Field(i))
	}
	return list
}

// String is the setting's value as Set reads it. A list is joined by commas. With Set and Type, it makes a
// Setting a command-line flag.
func (s Setting) String() string {
	if !s.field.IsValid() { // the flag library asks a zero Setting
		return ""
	}
	if list, ok := s.field.Interface().([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(s.field.Interface())
}

// Set gives the setting the value that text says, or an error that says what to write instead.
func (s Setting) Set(text string) error {
	switch field := s.field.Addr().Interface().(type) {
	case encoding.TextUnmarshaler:
		return field.UnmarshalText([]byte(text))
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration: write for example 500ms, 30s or 2m", text)
		}
		*field = d
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		*field = n
	case *float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f < 0 || math.IsInf(f, 0) || math.IsNaN(f) {
			return fmt.Errorf("%q is not a number such as 0.5 or 2", text)
		}
		*field = f
	case *[]string:
		*field = nil
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				*field = append(*field, item)
			}
		}
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		*field = b
	case *string:
		*field = text
	default:
		panic(fmt.Sprintf("setting %s has a type that cannot be read: %T", s.Name, field))
	}
	return nil
}

// Type is the kind of value that the setting takes, for a flag's help.
func (s Setting) Type() string {
	switch s.field.Interface().(type) {
	case Bytes:
		return "bytes"
	case time.Duration:
		return "duration"
	case int, float64:
		return "number"
	case bool:
		return "true|false"
	case []string:
		return "list"
	}
	return "text"
}
