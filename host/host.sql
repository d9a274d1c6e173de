-- name: prune_events
DELETE FROM events WHERE time_us < :before_us;

-- name: bytes_of_events
SELECT COALESCE(SUM(length(payload) + length(metadata) + 256), 0), COALESCE(MIN(sequence), 0), COALESCE(MAX(sequence), 0)
FROM events;

-- name: slowest_reader
SELECT COALESCE(MIN(position), :last) FROM subscriptions WHERE updated_us >= :since_us;

-- name: prune_events_upto
DELETE FROM events WHERE sequence <= :sequence;
