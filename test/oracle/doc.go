// Package oracle compares package crdt with real yjs: a Node process (test/node/oracle.mjs) generates random cases and
// says what yjs answers, the Go side runs the same and compares byte for byte.
//
// The tests are in the packages below, so that each part can be run alone:
//
//	go test ./test/oracle/documents   documents: apply, encode, JSON views; malformed updates
//	go test ./test/oracle/updates     functions on updates: merge, diff, state vector, conversion
//	go test ./test/oracle/revert      going back to earlier states, and what yjs makes of that (test/node/revert.mjs)
//
// Environment:
//
//	SYMPHONY_ORACLE_CASES  number of cases of documents (default 20000; 1000 with -short); half as many of updates, a
//	                       fortieth of revert
//	SYMPHONY_ORACLE_SEED   seed (default 1)
//	SYMPHONY_ORACLE_CASE   run this case alone and print its updates
package oracle
