// Package sockettest holds the tests that every ws.Socket must pass, whatever carries its bytes.
package sockettest
