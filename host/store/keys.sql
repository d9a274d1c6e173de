-- Statements of keys.cpp.

-- name: insert_key
INSERT INTO operation_keys (key, operation, input_hash, state, boot_id, started_us)
VALUES (:key, :operation, :input_hash, 'running', :boot_id, :now_us)
ON CONFLICT (key) DO NOTHING;

-- name: read_key
SELECT operation, input_hash, state, answer FROM operation_keys WHERE key = :key;

-- name: restart_key
UPDATE operation_keys
SET state = 'running', answer = '', boot_id = :boot_id, started_us = :now_us, finished_us = NULL
WHERE key = :key;

-- name: end_key
UPDATE operation_keys SET state = :state, answer = :answer, finished_us = :now_us
WHERE key = :key AND state = 'running' AND boot_id = :boot_id;

-- name: prune_keys
DELETE FROM operation_keys
WHERE finished_us < :before_us OR (state = 'running' AND boot_id <> :boot_id AND started_us < :before_us);
