-- Private storage of nodes (onex.kv/1).

CREATE TABLE node_kv (
    node TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    updated_us INTEGER NOT NULL,
    PRIMARY KEY (node, key)
) STRICT;
