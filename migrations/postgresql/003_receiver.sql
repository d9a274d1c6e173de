-- What the deployment receiver knows of packages, images, swaps and the containers that are its own.

-- What was uploaded, by deployment. The blob goes when the deployment ends; the row tells how it went.
CREATE TABLE packages (
    deployment_id TEXT NOT NULL PRIMARY KEY,
    container_name TEXT NOT NULL DEFAULT '',
    origin TEXT NOT NULL CHECK (origin IN ('workflow', 'request', 'unsigned')),
    blob TEXT NOT NULL DEFAULT '',
    bytes BIGINT NOT NULL DEFAULT 0,
    version TEXT NOT NULL DEFAULT '',
    config_digest TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL,
    error_code TEXT NOT NULL DEFAULT '',
    error_message TEXT NOT NULL DEFAULT '',
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);
CREATE INDEX packages_by_blob ON packages (blob);

-- The tags that are this host's own, with the image that each stands for.
CREATE TABLE images (
    image_ref TEXT NOT NULL PRIMARY KEY,
    container_name TEXT NOT NULL,
    deployment_id TEXT NOT NULL,
    config_digest TEXT NOT NULL,
    image_id TEXT NOT NULL,
    created_us BIGINT NOT NULL
);
CREATE INDEX images_by_container ON images (container_name, config_digest);

-- Written before the first effect on a container, so that each step can be taken back.
CREATE TABLE swaps (
    deployment_id TEXT NOT NULL PRIMARY KEY,
    container_name TEXT NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('workflow', 'request', 'rollback')),
    old_id TEXT NOT NULL DEFAULT '',
    old_policy TEXT NOT NULL DEFAULT '',
    old_running BIGINT NOT NULL DEFAULT 0,
    old_spec TEXT NOT NULL DEFAULT '',
    new_id TEXT NOT NULL DEFAULT '',
    requested_policy TEXT NOT NULL DEFAULT '',
    image_ref TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL CHECK (state IN ('open', 'failed', 'committed', 'restored', 'undone')),
    step TEXT NOT NULL DEFAULT '',
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);
CREATE INDEX swaps_by_container ON swaps (container_name, created_us);

CREATE TABLE containers (
    name TEXT NOT NULL PRIMARY KEY,
    container_id TEXT NOT NULL,
    deployment_id TEXT NOT NULL,
    image_ref TEXT NOT NULL DEFAULT '',
    updated_us BIGINT NOT NULL
);

-- Who deploys which name. A lock that nobody has used for ten minutes is void.
CREATE TABLE deploy_locks (
    container_name TEXT NOT NULL PRIMARY KEY,
    deployment_id TEXT NOT NULL,
    caller TEXT NOT NULL,
    since_us BIGINT NOT NULL,
    seen_us BIGINT NOT NULL
);
