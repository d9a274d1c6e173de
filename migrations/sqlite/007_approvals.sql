-- Who has let a run go on, before an operation that waits for that.
CREATE TABLE approvals (
    workflow_id TEXT NOT NULL,
    key TEXT NOT NULL,
    approved_by TEXT NOT NULL,
    note TEXT NOT NULL,
    approved_us INTEGER NOT NULL,
    PRIMARY KEY (workflow_id, key)
) STRICT;
