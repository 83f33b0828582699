// Package store keeps rooms while no host holds them in memory. It composes two small ports into a room.Store: a
// Catalog (SQL tables that describe rooms, and the journal of updates that no snapshot covers yet) and Objects
// (immutable snapshot objects). The embedded pair is package sqlite and package snapdir; package embedded puts them
// together over one data directory. docs/storage.md has the formats and the promises.
package store
