// Package browser tests the pages of examples/ in a real browser. Screenshots are left in artifacts/.
package browser
