package room

import (
	"fmt"

	"github.com/symphony-rtc/symphony/crdt"
)

// Document builds the document of a room from what the store had: for readers that do not open the room.
func (s Stored) Document() (*crdt.Doc, error) { return build(s) }

// Salvage is Document without the journal updates that cannot be applied: skipped says what is wrong with each.
func (s Stored) Salvage() (doc *crdt.Doc, skipped []error, err error) {
	good := s
	good.Journal = nil
	for i, update := range s.Journal {
		if err := crdt.ValidateUpdate(update); err != nil {
			skipped = append(skipped, fmt.Errorf("journal update %d of %d: %w", i+1, len(s.Journal), err))
			continue
		}
		good.Journal = append(good.Journal, update)
	}
	doc, err = build(good)
	return doc, skipped, err
}
