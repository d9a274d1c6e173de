-- Who may change which container: one lease a name, in the store of the host that runs it. A row stays for
-- ever, because its token only grows; deployment_id is empty while nobody has it. expires_us is of the monotonic
-- clock, and written anew at each start.
CREATE TABLE leases (
    container_name TEXT NOT NULL PRIMARY KEY,
    deployment_id TEXT NOT NULL DEFAULT '',
    caller TEXT NOT NULL DEFAULT '',
    token BIGINT NOT NULL,
    since_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL
);
DROP TABLE deploy_locks;
