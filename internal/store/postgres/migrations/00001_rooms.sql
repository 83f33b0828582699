-- +goose Up

-- The tables of docs/storage.md, as SQLite has them: flags and times (milliseconds since 1970) are integers, and what
-- people or clients write is bytea, which may contain anything and is ordered as bytes. host is the number of the host
-- that opened the room last.
CREATE SEQUENCE room_num;
CREATE TABLE room (
  num              BIGINT PRIMARY KEY,
  id               BYTEA  NOT NULL UNIQUE,
  created          BIGINT NOT NULL,
  updated          BIGINT NOT NULL,
  last_active      BIGINT NOT NULL,
  active           BIGINT NOT NULL,
  epoch            BIGINT NOT NULL,
  generation       BIGINT NOT NULL,
  snapshot_key     TEXT   NOT NULL,
  snapshot_bytes   BIGINT NOT NULL,
  snapshot_epoch   BIGINT NOT NULL,
  through          BIGINT NOT NULL,
  previous_key     TEXT   NOT NULL,
  previous_through BIGINT NOT NULL,
  last_seq         BIGINT NOT NULL,
  deleted          BIGINT NOT NULL,
  versions         BIGINT NOT NULL,
  quarantine       BYTEA  NOT NULL,
  members          BIGINT NOT NULL,
  most_members     BIGINT NOT NULL,
  joins            BIGINT NOT NULL,
  sum              BIGINT NOT NULL,
  host             BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 80);
CREATE INDEX room_deleted ON room (deleted) WHERE deleted > 0;
CREATE INDEX room_host ON room (host) WHERE active = 1;

-- The epoch of each room once more, for the fence: a commit of updates locks these small rows, so that it waits for
-- whoever changes an epoch, and for nobody who changes anything else about a room.
CREATE TABLE fence (
  num   BIGINT PRIMARY KEY,
  epoch BIGINT NOT NULL
) WITH (fillfactor = 80);

-- +goose StatementBegin
CREATE FUNCTION room_fence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO fence (num, epoch) VALUES (NEW.num, NEW.epoch);
  ELSIF TG_OP = 'UPDATE' THEN
    UPDATE fence SET epoch = NEW.epoch WHERE num = NEW.num;
  ELSE
    DELETE FROM fence WHERE num = OLD.num;
  END IF;
  RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER room_fence_exists AFTER INSERT OR DELETE ON room FOR EACH ROW EXECUTE FUNCTION room_fence();
CREATE TRIGGER room_fence_moves AFTER UPDATE ON room FOR EACH ROW WHEN (OLD.epoch <> NEW.epoch) EXECUTE FUNCTION room_fence();

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

CREATE TABLE version (
  room       BIGINT NOT NULL,
  number     BIGINT NOT NULL,
  created    BIGINT NOT NULL,
  kind       TEXT   NOT NULL,
  label      BYTEA  NOT NULL,
  epoch      BIGINT NOT NULL,
  generation BIGINT NOT NULL,
  through    BIGINT NOT NULL,
  key        TEXT   NOT NULL,
  bytes      BIGINT NOT NULL,
  PRIMARY KEY (room, number)
);

CREATE TABLE visit (
  room       BIGINT NOT NULL,
  connection TEXT   NOT NULL,
  epoch      BIGINT NOT NULL,
  protocol   TEXT   NOT NULL,
  joined     BIGINT NOT NULL,
  ended      BIGINT NOT NULL,
  reason     BYTEA  NOT NULL,
  PRIMARY KEY (room, connection)
);
CREATE INDEX visit_joined ON visit (room, joined);
CREATE INDEX visit_open ON visit (room, epoch) WHERE ended = 0;

CREATE TABLE erased (
  hash       BYTEA  PRIMARY KEY,
  generation BIGINT NOT NULL,
  epoch      BIGINT NOT NULL
);

-- Numbers of hosts. A host is alive while its session holds the advisory lock of its number.
CREATE SEQUENCE host AS INTEGER CYCLE;

-- +goose Down
DROP SEQUENCE host;
DROP TABLE erased;
DROP TABLE visit;
DROP TABLE version;
DROP TABLE journal;
DROP TABLE room;
DROP FUNCTION room_fence;
DROP TABLE fence;
DROP SEQUENCE room_num;
