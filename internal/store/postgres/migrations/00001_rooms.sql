-- +goose Up

-- One row per room that was ever opened. Times are milliseconds since 1970. sum is a CRC-32C of what must not be
-- wrong; the id is a bytea because it is any bytes, also NUL, and is ordered as bytes. host is the number of the host
-- that holds the room while active is 1.
CREATE SEQUENCE room_num;
CREATE TABLE room (
  num            BIGINT PRIMARY KEY,
  id             BYTEA  NOT NULL UNIQUE,
  created        BIGINT NOT NULL,
  updated        BIGINT NOT NULL,
  last_active    BIGINT NOT NULL,
  active         BIGINT NOT NULL,
  epoch          BIGINT NOT NULL,
  generation     BIGINT NOT NULL,
  snapshot_key   TEXT   NOT NULL,
  snapshot_bytes BIGINT NOT NULL,
  through        BIGINT NOT NULL,
  last_seq       BIGINT NOT NULL,
  sum            BIGINT NOT NULL,
  host           BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 80);

-- The updates of one room in one commit, from the one numbered first to the one numbered last. data is the block of
-- docs/storage.md, stored as it is: compressing some hundred bytes costs more than it saves.
CREATE TABLE journal (
  room   BIGINT NOT NULL,
  first  BIGINT NOT NULL,
  last   BIGINT NOT NULL,
  epoch  BIGINT NOT NULL,
  millis BIGINT NOT NULL,
  data   BYTEA  NOT NULL,
  PRIMARY KEY (room, first)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000);
ALTER TABLE journal ALTER COLUMN data SET STORAGE EXTERNAL;

-- Numbers of hosts. A host is alive while its session holds the advisory lock of its number.
CREATE SEQUENCE host AS INTEGER CYCLE;

-- +goose Down
DROP SEQUENCE host;
DROP TABLE journal;
DROP TABLE room;
DROP SEQUENCE room_num;
