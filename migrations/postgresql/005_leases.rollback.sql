CREATE TABLE deploy_locks (
    container_name TEXT NOT NULL PRIMARY KEY,
    deployment_id TEXT NOT NULL,
    caller TEXT NOT NULL,
    since_us BIGINT NOT NULL,
    seen_us BIGINT NOT NULL
);
DROP TABLE leases;
