CREATE TABLE deploy_locks (
    container_name TEXT NOT NULL PRIMARY KEY,
    deployment_id TEXT NOT NULL,
    caller TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    seen_us INTEGER NOT NULL
) STRICT;
DROP TABLE leases;
