-- Workflow runs, as the orchestrator keeps them.

CREATE TABLE runs (
    workflow_id TEXT NOT NULL PRIMARY KEY,
    deployment_id TEXT NOT NULL DEFAULT '',
    workflow TEXT NOT NULL,
    contract_text TEXT NOT NULL,
    contract_digest TEXT NOT NULL,
    host_id TEXT NOT NULL,
    claimed_by TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL,
    context TEXT NOT NULL DEFAULT '{}',
    input TEXT NOT NULL DEFAULT '{}',
    target TEXT NOT NULL DEFAULT '',
    queued_us BIGINT NOT NULL,
    started_us BIGINT,
    finished_us BIGINT,
    success BIGINT,
    error_code TEXT NOT NULL DEFAULT '',
    error_message TEXT NOT NULL DEFAULT '',
    cancel_requested_us BIGINT,
    cancel_reason TEXT NOT NULL DEFAULT '',
    queue_place BIGINT,
    subject TEXT NOT NULL DEFAULT '',
    correlation_id TEXT NOT NULL DEFAULT '',
    timeout_ms BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX runs_by_state ON runs (state);
CREATE INDEX runs_by_start ON runs (started_us);
CREATE INDEX runs_by_subject ON runs (subject);

-- One row an attempt of an effect: written as intent before it, as done or failed after it.
CREATE TABLE steps (
    workflow_id TEXT NOT NULL,
    key TEXT NOT NULL,
    stage TEXT NOT NULL,
    operation TEXT NOT NULL,
    idx BIGINT NOT NULL DEFAULT 0,
    attempt BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('intent', 'done', 'failed', 'skipped')),
    resolution TEXT NOT NULL DEFAULT '',
    input_hash TEXT NOT NULL DEFAULT '',
    output TEXT NOT NULL DEFAULT '',
    error_code TEXT NOT NULL DEFAULT '',
    error_message TEXT NOT NULL DEFAULT '',
    checks TEXT NOT NULL DEFAULT '',
    started_us BIGINT NOT NULL,
    finished_us BIGINT,
    bytes BIGINT NOT NULL DEFAULT 0,
    moving_ms BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (workflow_id, key, attempt)
);

CREATE TABLE fsm_transitions (
    id TEXT NOT NULL PRIMARY KEY,
    entity_id TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    transition_event TEXT NOT NULL,
    transition_data TEXT NOT NULL DEFAULT '{}',
    created_us BIGINT NOT NULL
);
CREATE INDEX fsm_transitions_by_entity ON fsm_transitions (entity_id, created_us);

CREATE TABLE run_logs (
    workflow_id TEXT NOT NULL,
    line BIGINT NOT NULL,
    time_us BIGINT NOT NULL,
    stage TEXT NOT NULL DEFAULT '',
    operation TEXT NOT NULL DEFAULT '',
    level TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (workflow_id, line)
);

-- Results that are too big for the context: in content, or in the blob store under the digest in blob.
CREATE TABLE artifacts (
    workflow_id TEXT NOT NULL,
    name TEXT NOT NULL,
    blob TEXT NOT NULL DEFAULT '',
    bytes BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    content TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (workflow_id, name)
);
