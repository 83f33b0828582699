// Package rules holds the tests of the repository as a whole: who may import whom, and that names are documented.
package rules
