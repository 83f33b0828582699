-- +goose Up

-- See docs/storage.md. Flags and times are integers as everywhere; text that people or clients write is a blob.
ALTER TABLE room ADD COLUMN snapshot_epoch   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE room ADD COLUMN previous_key     TEXT    NOT NULL DEFAULT '';
ALTER TABLE room ADD COLUMN previous_through INTEGER NOT NULL DEFAULT 0;
ALTER TABLE room ADD COLUMN deleted          INTEGER NOT NULL DEFAULT 0;
ALTER TABLE room ADD COLUMN versions         INTEGER NOT NULL DEFAULT 0;
ALTER TABLE room ADD COLUMN quarantine       BLOB    NOT NULL DEFAULT x'';
ALTER TABLE room ADD COLUMN members          INTEGER NOT NULL DEFAULT 0;
ALTER TABLE room ADD COLUMN most_members     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE room ADD COLUMN joins            INTEGER NOT NULL DEFAULT 0;
CREATE INDEX room_deleted ON room (deleted) WHERE deleted > 0;

-- Kept states of rooms: snapshot objects that more than the row of the room points to.
CREATE TABLE version (
  room       INTEGER NOT NULL,
  number     INTEGER NOT NULL,
  created    INTEGER NOT NULL,
  kind       TEXT    NOT NULL,
  label      BLOB    NOT NULL,
  epoch      INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  through    INTEGER NOT NULL,
  key        TEXT    NOT NULL,
  bytes      INTEGER NOT NULL,
  PRIMARY KEY (room, number)
);

-- Stays of connections in rooms; ended is 0 while one lasts.
CREATE TABLE visit (
  room       INTEGER NOT NULL,
  connection TEXT    NOT NULL,
  epoch      INTEGER NOT NULL,
  protocol   TEXT    NOT NULL,
  joined     INTEGER NOT NULL,
  ended      INTEGER NOT NULL,
  reason     BLOB    NOT NULL,
  PRIMARY KEY (room, connection)
);
CREATE INDEX visit_joined ON visit (room, joined);
CREATE INDEX visit_open   ON visit (room, epoch) WHERE ended = 0;

-- What stays of rooms that were erased: SHA-256 of the id, and what a new room of that id must be beyond.
CREATE TABLE erased (
  hash       BLOB    PRIMARY KEY,
  generation INTEGER NOT NULL,
  epoch      INTEGER NOT NULL
);

-- Rooms that were erased or repaired: journal rows of theirs up to n do not count. Rows are not deleted one by one.
CREATE TABLE void (
  room INTEGER PRIMARY KEY,
  n    INTEGER NOT NULL
);

-- +goose Down
DROP TABLE void;
DROP TABLE erased;
DROP TABLE visit;
DROP TABLE version;
DROP INDEX room_deleted;
ALTER TABLE room DROP COLUMN joins;
ALTER TABLE room DROP COLUMN most_members;
ALTER TABLE room DROP COLUMN members;
ALTER TABLE room DROP COLUMN quarantine;
ALTER TABLE room DROP COLUMN versions;
ALTER TABLE room DROP COLUMN deleted;
ALTER TABLE room DROP COLUMN previous_through;
ALTER TABLE room DROP COLUMN previous_key;
ALTER TABLE room DROP COLUMN snapshot_epoch;
