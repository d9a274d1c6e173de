-- Statements of events.cpp.

-- name: insert_event
INSERT INTO events (id, type, topic, partition_key, correlation_id, workflow_id, source, host_id,
                    time_us, payload, metadata)
VALUES (:id, :type, :topic, :partition_key, :correlation_id, :workflow_id, :source, :host_id,
        :time_us, :payload, :metadata)
ON CONFLICT (id) DO NOTHING;

-- name: last_sequence
SELECT sequence FROM events ORDER BY sequence DESC LIMIT 1;

-- name: read_events
SELECT sequence, id, type, topic, partition_key, correlation_id, workflow_id, source, time_us, payload, metadata
FROM events
WHERE sequence > :after AND substr(topic, 1, length(:topic_prefix)) = :topic_prefix
ORDER BY sequence LIMIT :limit;

-- name: read_events_of_workflow
SELECT sequence, id, type, topic, partition_key, correlation_id, workflow_id, source, time_us, payload, metadata
FROM events
WHERE workflow_id = :workflow_id AND sequence > :after
  AND substr(topic, 1, length(:topic_prefix)) = :topic_prefix
ORDER BY sequence LIMIT :limit;

-- name: read_events_but_dead_letters
SELECT sequence, id, type, topic, partition_key, correlation_id, workflow_id, source, time_us, payload, metadata
FROM events
WHERE sequence > :after AND substr(topic, 1, length(:topic_prefix)) = :topic_prefix
  AND topic NOT LIKE '%.dlq'
ORDER BY sequence LIMIT :limit;

-- name: insert_subscription
INSERT INTO subscriptions (group_name, topic_prefix, position, updated_us)
VALUES (:group_name, :topic_prefix, 0, :now_us)
ON CONFLICT (group_name) DO NOTHING;

-- name: read_position
SELECT position FROM subscriptions WHERE group_name = :group_name;

-- name: move_position
UPDATE subscriptions SET position = :position, topic_prefix = :topic_prefix, updated_us = :now_us
WHERE group_name = :group_name AND position = :old_position;
