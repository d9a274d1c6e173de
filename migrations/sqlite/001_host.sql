-- What every host needs, whatever nodes it runs. Times are µs since 1970, JSON is text.

-- Journal and outbox in one: a row exists exactly if the transaction that changed the state committed.
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition_key TEXT NOT NULL,
    correlation_id TEXT NOT NULL DEFAULT '',
    workflow_id TEXT NOT NULL DEFAULT '',
    source TEXT NOT NULL,
    host_id TEXT NOT NULL,
    time_us INTEGER NOT NULL,
    payload TEXT NOT NULL,
    metadata TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX events_by_workflow ON events (workflow_id, sequence);
CREATE INDEX events_by_topic ON events (topic, sequence);

-- How far each group of readers has come in events.
CREATE TABLE subscriptions (
    group_name TEXT NOT NULL PRIMARY KEY,
    topic_prefix TEXT NOT NULL,
    position INTEGER NOT NULL,
    updated_us INTEGER NOT NULL
) STRICT;

-- Signed requests that were accepted, so that none is accepted twice.
CREATE TABLE nonces (
    key_id TEXT NOT NULL,
    nonce TEXT NOT NULL,
    expires_us INTEGER NOT NULL,
    PRIMARY KEY (key_id, nonce)
) STRICT;
CREATE INDEX nonces_by_expiry ON nonces (expires_us);

-- Effects by idempotency key, on the host that executes them.
CREATE TABLE operation_keys (
    key TEXT NOT NULL PRIMARY KEY,
    operation TEXT NOT NULL,
    input_hash TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    answer TEXT NOT NULL DEFAULT '',
    boot_id TEXT NOT NULL,
    started_us INTEGER NOT NULL,
    finished_us INTEGER
) STRICT;
CREATE INDEX operation_keys_by_end ON operation_keys (finished_us);

-- The only place where secret values of a run stand.
CREATE TABLE secrets (
    id TEXT NOT NULL PRIMARY KEY,
    workflow_id TEXT NOT NULL,
    value TEXT NOT NULL,
    created_us INTEGER NOT NULL
) STRICT;
CREATE INDEX secrets_by_workflow ON secrets (workflow_id);
