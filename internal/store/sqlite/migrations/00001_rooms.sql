-- +goose Up

-- One row per room that was ever opened. Times are milliseconds since 1970. sum is a CRC-32C of what must not be
-- wrong (see room.go); the id is a blob because it is any bytes, also NUL.
CREATE TABLE room (
  num            INTEGER PRIMARY KEY,
  id             BLOB    NOT NULL UNIQUE,
  created        INTEGER NOT NULL,
  updated        INTEGER NOT NULL,
  last_active    INTEGER NOT NULL,
  active         INTEGER NOT NULL,
  epoch          INTEGER NOT NULL,
  generation     INTEGER NOT NULL,
  snapshot_key   TEXT    NOT NULL,
  snapshot_bytes INTEGER NOT NULL,
  through        INTEGER NOT NULL,
  last_seq       INTEGER NOT NULL,
  sum            INTEGER NOT NULL
);

-- Updates in the order of their commits; one row holds those of one room in one commit (see block.go). n only rises,
-- so that a commit touches one place of the file however many rooms it is about. Which rows are whose is indexed in
-- memory; a row whose updates are all <= room.through is no longer part of the journal and waits for its removal.
CREATE TABLE journal (
  n    INTEGER PRIMARY KEY,
  room INTEGER NOT NULL,
  data BLOB    NOT NULL
);

-- +goose Down
DROP TABLE journal;
DROP TABLE room;
