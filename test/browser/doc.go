// Package browser tests the server's pages in a real browser. Screenshots are left in artifacts/.
package browser
