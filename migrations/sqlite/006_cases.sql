-- How a person ended the case of a run that could not end whole by itself.
CREATE TABLE resolved_cases (
    workflow_id TEXT NOT NULL PRIMARY KEY,
    resolved_as TEXT NOT NULL CHECK (resolved_as IN ('rolled-back', 'abandoned')),
    note TEXT NOT NULL,
    resolved_us INTEGER NOT NULL
) STRICT;
