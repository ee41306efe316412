-- What an instance without version, parent, tags and reports does not have costs it nothing but a byte for each column.
ALTER TABLE instances ADD COLUMN version TEXT;
ALTER TABLE instances ADD COLUMN parent_id TEXT;
ALTER TABLE instances ADD COLUMN parent_execution_id BLOB;
ALTER TABLE instances ADD COLUMN parent_task_id INTEGER;

-- The few that one looks for among many. Whatever else is asked for, a query walks the instances in the order of their
-- creation. Failed and stalled ones share an index, since every episode has to find out whether it belongs there.
CREATE INDEX instances_by_parent ON instances (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX instances_in_trouble ON instances (incarnation) WHERE runtime_status = 'Failed' OR stalled IS NOT NULL;

-- The execution that a message is for; NULL when it is for whichever takes it.
ALTER TABLE inbox ADD COLUMN execution_id BLOB;

-- One row per tag; clustered, so that the instances of a tag are read as one range, in the order of their creation.
CREATE TABLE tags (
    name        TEXT    NOT NULL,
    value       TEXT    NOT NULL,
    incarnation INTEGER NOT NULL,
    PRIMARY KEY (name, value, incarnation)
) STRICT, WITHOUT ROWID;

CREATE INDEX tags_by_incarnation ON tags (incarnation);

-- What the activities of the current execution last reported.
CREATE TABLE progress (
    incarnation INTEGER NOT NULL,
    task_id     INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    attempt     INTEGER NOT NULL,
    details     TEXT    NOT NULL,
    reported_at INTEGER NOT NULL,
    PRIMARY KEY (incarnation, task_id)
) STRICT, WITHOUT ROWID;
