// Package app builds a running program from a configuration. It is the only place where implementations are chosen.
package app
