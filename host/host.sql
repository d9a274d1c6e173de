-- name: prune_events
DELETE FROM events WHERE time_us < :before_us;
