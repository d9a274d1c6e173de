-- Private storage of nodes (onex.kv/1).

CREATE TABLE node_kv (
    node TEXT NOT NULL,
    key TEXT NOT NULL COLLATE "C",
    value BYTEA NOT NULL,
    updated_us BIGINT NOT NULL,
    PRIMARY KEY (node, key)
);
