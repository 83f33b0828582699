package store

import "fmt"

// State is how something is.
type State int

// States, better ones first.
const (
	Fine     State = iota // as it should be
	Doubtful              // works, but somebody should look at it
	Broken                // does not work, or something is lost or at risk
)

func (s State) String() string {
	switch s {
	case Fine:
		return "fine"
	case Doubtful:
		return "doubtful"
	case Broken:
		return "broken"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// MarshalText writes the state as String does.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is what a check of storage found out about one thing.
type Finding struct {
	Check string `json:"check"` // what was looked at, such as "schema"
	State State  `json:"state"`
	Room  string `json:"room,omitempty"` // id of the room that it is about
	Text  string `json:"text"`           // what was found
	Do    string `json:"do,omitempty"`   // what to do about it
}
