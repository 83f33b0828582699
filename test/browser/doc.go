// Package browser tests the pages of examples/, and an editor bound to a room, in a real browser. Screenshots are left in artifacts/.
package browser
