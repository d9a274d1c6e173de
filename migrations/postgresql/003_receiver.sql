-- What the deployment receiver knows of packages, swaps and the containers that are its own.

CREATE TABLE packages (
    deployment_id TEXT NOT NULL PRIMARY KEY,
    blob TEXT NOT NULL DEFAULT '',
    bytes BIGINT NOT NULL DEFAULT 0,
    digest TEXT NOT NULL DEFAULT '',
    image_ref TEXT NOT NULL DEFAULT '',
    config_digest TEXT NOT NULL DEFAULT '',
    metadata TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL,
    config TEXT NOT NULL DEFAULT '',
    error_code TEXT NOT NULL DEFAULT '',
    error_message TEXT NOT NULL DEFAULT '',
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);

-- Written before the first effect on a container, so that each step can be taken back.
CREATE TABLE swaps (
    deployment_id TEXT NOT NULL PRIMARY KEY,
    workflow_id TEXT NOT NULL DEFAULT '',
    container_name TEXT NOT NULL,
    old_id TEXT NOT NULL DEFAULT '',
    old_name TEXT NOT NULL DEFAULT '',
    old_policy TEXT NOT NULL DEFAULT '',
    old_image TEXT NOT NULL DEFAULT '',
    old_spec TEXT NOT NULL DEFAULT '',
    new_id TEXT NOT NULL DEFAULT '',
    new_policy TEXT NOT NULL DEFAULT '',
    requested_policy TEXT NOT NULL DEFAULT '',
    image_tag TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL,
    step TEXT NOT NULL DEFAULT '',
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);
CREATE INDEX swaps_by_container ON swaps (container_name, created_us);

CREATE TABLE containers (
    name TEXT NOT NULL PRIMARY KEY,
    container_id TEXT NOT NULL,
    deployment_id TEXT NOT NULL,
    image_tag TEXT NOT NULL DEFAULT '',
    adopted BIGINT NOT NULL DEFAULT 0,
    updated_us BIGINT NOT NULL
);
