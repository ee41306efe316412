-- One row per task hub setting, as text: `task_hub`.
CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Who may write. Every commit carries the epoch that its owner took; a smaller one is refused.
CREATE TABLE partitions (
    partition INTEGER NOT NULL PRIMARY KEY,
    epoch     INTEGER NOT NULL
) STRICT;

INSERT INTO partitions (partition, epoch) VALUES (0, 0);

-- Times are microseconds since 1970. AUTOINCREMENT: an incarnation is never used again, not even the greatest one after
-- its row was deleted.
CREATE TABLE instances (
    incarnation     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    partition       INTEGER NOT NULL,
    id              TEXT    NOT NULL UNIQUE,
    name            TEXT    NOT NULL,
    execution_id    BLOB    NOT NULL, -- 16 bytes; hex(execution_id) is what users see
    runtime_status  TEXT    NOT NULL, -- the name that users see
    created_at      INTEGER NOT NULL,
    last_updated_at INTEGER NOT NULL,
    first_episode   INTEGER NOT NULL,
    episode         INTEGER NOT NULL,
    status_episode  INTEGER,
    sequence        INTEGER NOT NULL,
    next_timer      INTEGER,
    needs_attention INTEGER NOT NULL,
    stalled         TEXT
) STRICT;

-- Both hold only the instances that they are for, so that idle and finished ones cost them nothing. The rowid, which is
-- the incarnation, is the last column of every index.
CREATE INDEX instances_needing_attention ON instances (needs_attention) WHERE needs_attention = 1;
CREATE INDEX instances_by_next_timer ON instances (next_timer) WHERE next_timer IS NOT NULL;

-- One row per episode; clustered, so that a history is read as one range.
CREATE TABLE history (
    incarnation    INTEGER NOT NULL,
    episode        INTEGER NOT NULL,
    events         TEXT    NOT NULL,
    custom_status  TEXT,
    runtime_status TEXT    NOT NULL,
    sequence       INTEGER NOT NULL,
    PRIMARY KEY (incarnation, episode)
) STRICT, WITHOUT ROWID;

-- Messages that wait.
CREATE TABLE inbox (
    sequence    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    incarnation INTEGER NOT NULL,
    event       TEXT    NOT NULL
) STRICT;

CREATE INDEX inbox_by_incarnation ON inbox (incarnation);
