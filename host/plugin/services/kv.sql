-- name: kv_get
SELECT value FROM node_kv WHERE node = :node AND key = :key;

-- name: kv_scan
SELECT key, value FROM node_kv
WHERE node = :node AND key >= :prefix AND key > :after AND substr(key, 1, length(:prefix)) = :prefix
ORDER BY key LIMIT :limit;

-- name: kv_put
INSERT INTO node_kv (node, key, value, updated_us) VALUES (:node, :key, :value, :now_us)
ON CONFLICT (node, key) DO UPDATE SET value = excluded.value, updated_us = excluded.updated_us;

-- name: kv_put_if_absent
INSERT INTO node_kv (node, key, value, updated_us) VALUES (:node, :key, :value, :now_us)
ON CONFLICT (node, key) DO NOTHING;

-- name: kv_remove
DELETE FROM node_kv WHERE node = :node AND key = :key;

-- name: kv_usage
SELECT count(*), COALESCE(SUM(length(value)), 0) FROM node_kv WHERE node = :node;
