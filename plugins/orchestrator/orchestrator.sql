-- Statements of rows.cpp.

-- name: insert_run
INSERT INTO runs (workflow_id, deployment_id, workflow, contract_text, contract_digest, host_id, claimed_by, state,
                  context, input, target, queued_us, started_us, subject, correlation_id, timeout_ms,
                  cancel_requested_us, cancel_reason, handed_step, came_from)
VALUES (:workflow_id, :workflow_id, :workflow, :contract_text, :contract_digest, :host_id, :claimed_by, :state,
        :context, :input, :target, :queued_us, NULLIF(CAST(:started_us AS BIGINT), 0), :subject, :correlation_id,
        :timeout_ms, NULLIF(CAST(:cancel_us AS BIGINT), 0), :cancel_reason, :handed_step, :came_from)
ON CONFLICT (workflow_id) DO NOTHING;

-- name: read_run
SELECT workflow_id, workflow, contract_text, contract_digest, host_id, claimed_by, state, context, input, target,
       queued_us, started_us, finished_us, success, error_code, error_message, cancel_requested_us, cancel_reason,
       subject, correlation_id, timeout_ms, handed_to, handed_step, handed_us, came_from
FROM runs WHERE workflow_id = :workflow_id;

-- name: list_runs
SELECT workflow_id, workflow, '', contract_digest, host_id, claimed_by, state, context, '', target,
       queued_us, started_us, finished_us, success, error_code, error_message, cancel_requested_us, cancel_reason,
       subject, correlation_id, timeout_ms, handed_to, handed_step, handed_us, came_from
FROM runs WHERE :subject = '' OR subject = :subject ORDER BY queued_us DESC, workflow_id LIMIT :limit;

-- name: open_runs
SELECT workflow_id, claimed_by FROM runs
WHERE host_id = :host_id AND finished_us IS NULL ORDER BY queued_us, workflow_id LIMIT 1000;

-- name: claim_run
UPDATE runs SET claimed_by = :claim
WHERE workflow_id = :workflow_id AND claimed_by = :old_claim AND finished_us IS NULL;

-- name: release_claims
UPDATE runs SET claimed_by = ''
WHERE claimed_by = :claim AND (:workflow_id = '' OR workflow_id = :workflow_id) AND finished_us IS NULL;

-- name: update_run
UPDATE runs
SET state = :state, context = :context, started_us = NULLIF(CAST(:started_us AS BIGINT), 0),
    finished_us = NULLIF(CAST(:finished_us AS BIGINT), 0), success = NULLIF(CAST(:success AS BIGINT), -1),
    error_code = :error_code, error_message = :error_message
WHERE workflow_id = :workflow_id AND claimed_by = :claim;

-- name: hand_run
UPDATE runs SET handed_to = :handed_to, handed_step = :handed_step, handed_us = :handed_us
WHERE workflow_id = :workflow_id AND claimed_by = :claim;

-- name: request_cancel
UPDATE runs SET cancel_requested_us = :now_us, cancel_reason = :reason
WHERE workflow_id = :workflow_id AND finished_us IS NULL AND cancel_requested_us IS NULL;

-- name: insert_intent
INSERT INTO steps (workflow_id, key, stage, operation, idx, attempt, state, resolution, input_hash, started_us)
VALUES (:workflow_id, :key, :stage, :operation, :number, :attempt, 'intent', :resolution, :input_hash, :now_us)
ON CONFLICT (workflow_id, key, attempt) DO NOTHING;

-- name: end_step
INSERT INTO steps (workflow_id, key, stage, operation, idx, attempt, state, resolution, output, error_code,
                   error_message, checks, started_us, finished_us, bytes, moving_ms)
VALUES (:workflow_id, :key, :stage, :operation, :number, :attempt, :state, :resolution, :output, :error_code,
        :error_message, :checks, :started_us, :finished_us, :bytes, :moving_ms)
ON CONFLICT (workflow_id, key, attempt) DO UPDATE
SET state = excluded.state, output = excluded.output, error_code = excluded.error_code,
    error_message = excluded.error_message, checks = excluded.checks, finished_us = excluded.finished_us,
    bytes = excluded.bytes, moving_ms = excluded.moving_ms;

-- name: read_steps
SELECT key, stage, operation, idx, attempt, state, resolution, error_code, error_message, checks, started_us,
       finished_us, moving_ms
FROM steps WHERE workflow_id = :workflow_id ORDER BY idx, started_us;

-- name: insert_transition
INSERT INTO fsm_transitions (id, entity_id, entity_type, from_state, to_state, transition_event, transition_data,
                             created_us)
VALUES (:id, :workflow_id, 'workflow', :from_state, :to_state, :event, :data, :now_us);

-- name: read_transitions
SELECT id, from_state, to_state, transition_event, transition_data, created_us
FROM fsm_transitions WHERE entity_id = :workflow_id ORDER BY created_us;

-- name: copy_transition
INSERT INTO fsm_transitions (id, entity_id, entity_type, from_state, to_state, transition_event, transition_data,
                             created_us)
VALUES (:id, :workflow_id, 'workflow', :from_state, :to_state, :event, :data, :now_us)
ON CONFLICT (id) DO NOTHING;

-- name: read_run_events
SELECT id, type, topic, partition_key, correlation_id, source, host_id, time_us, payload, metadata
FROM events WHERE workflow_id = :workflow_id ORDER BY sequence LIMIT 1000;

-- name: copy_event
INSERT INTO events (id, type, topic, partition_key, correlation_id, workflow_id, source, host_id, time_us, payload,
                    metadata)
VALUES (:id, :type, :topic, :partition_key, :correlation_id, :workflow_id, :source, :host_id, :time_us, :payload,
        :metadata)
ON CONFLICT (id) DO NOTHING;

-- name: insert_log
INSERT INTO run_logs (workflow_id, line, time_us, stage, operation, level, text)
VALUES (:workflow_id, :line, :time_us, :stage, :operation, :level, :text)
ON CONFLICT (workflow_id, line) DO NOTHING;

-- name: read_logs
SELECT line, time_us, stage, operation, level, text FROM run_logs
WHERE workflow_id = :workflow_id AND line > :after ORDER BY line LIMIT :limit;

-- name: last_log_line
SELECT COALESCE(MAX(line), 0) FROM run_logs WHERE workflow_id = :workflow_id;

-- name: put_artifact
INSERT INTO artifacts (workflow_id, name, bytes, created_us, content)
VALUES (:workflow_id, :name, :bytes, :now_us, :content)
ON CONFLICT (workflow_id, name) DO UPDATE
SET bytes = excluded.bytes, created_us = excluded.created_us, content = excluded.content;

-- name: read_artifact
SELECT bytes, created_us, content FROM artifacts WHERE workflow_id = :workflow_id AND name = :name;

-- name: artifact_names
SELECT name FROM artifacts WHERE workflow_id = :workflow_id ORDER BY name;

-- name: put_secret
INSERT INTO secrets (id, workflow_id, value, created_us) VALUES (:id, :workflow_id, :value, :now_us);

-- name: read_secrets
SELECT id, value FROM secrets WHERE workflow_id = :workflow_id;

-- name: delete_secrets
DELETE FROM secrets WHERE workflow_id = :workflow_id;

-- name: prunable_runs
SELECT r.workflow_id FROM runs r
WHERE r.finished_us IS NOT NULL AND r.finished_us < :before_us AND r.host_id = :host_id
  AND (SELECT count(*) FROM runs n
       WHERE n.workflow = r.workflow AND n.subject = r.subject AND n.queued_us > r.queued_us) >= :keep_runs
ORDER BY r.finished_us LIMIT :limit;

-- name: bytes_of_runs
SELECT (SELECT COALESCE(SUM(length(contract_text) + length(context) + length(input)), 0) FROM runs)
     + (SELECT COALESCE(SUM(length(output) + length(resolution)), 0) FROM steps)
     + (SELECT COALESCE(SUM(length(text) + 64), 0) FROM run_logs)
     + (SELECT COALESCE(SUM(length(content)), 0) FROM artifacts);

-- name: delete_steps
DELETE FROM steps WHERE workflow_id = :workflow_id;

-- name: delete_transitions
DELETE FROM fsm_transitions WHERE entity_id = :workflow_id;

-- name: delete_logs
DELETE FROM run_logs WHERE workflow_id = :workflow_id;

-- name: delete_artifacts
DELETE FROM artifacts WHERE workflow_id = :workflow_id;

-- name: delete_run
DELETE FROM runs WHERE workflow_id = :workflow_id AND finished_us IS NOT NULL;

-- name: put_case
INSERT INTO resolved_cases (workflow_id, resolved_as, note, resolved_us)
VALUES (:workflow_id, :resolved_as, :note, :now_us)
ON CONFLICT (workflow_id) DO NOTHING;

-- name: read_case
SELECT resolved_as, note, resolved_us FROM resolved_cases WHERE workflow_id = :workflow_id;

-- name: delete_case
DELETE FROM resolved_cases WHERE workflow_id = :workflow_id;

-- name: put_approval
INSERT INTO approvals (workflow_id, key, approved_by, note, approved_us)
VALUES (:workflow_id, :key, :approved_by, :note, :now_us)
ON CONFLICT (workflow_id, key) DO NOTHING;

-- name: read_approval
SELECT approved_by, note FROM approvals WHERE workflow_id = :workflow_id AND key = :key;

-- name: delete_approvals
DELETE FROM approvals WHERE workflow_id = :workflow_id;

-- name: last_start
SELECT COALESCE(MAX(started_us), 0) FROM runs;

-- name: deployed_runs
SELECT r.workflow_id, r.workflow, r.subject, r.target, r.input
FROM runs r JOIN (SELECT workflow_id, ROW_NUMBER() OVER (PARTITION BY workflow, subject, target
                                                         ORDER BY queued_us DESC, workflow_id) AS place
                  FROM runs WHERE success = 1 AND host_id = :host_id AND came_from = '') latest
    ON latest.workflow_id = r.workflow_id
WHERE latest.place = 1 ORDER BY r.queued_us DESC, r.workflow_id LIMIT :limit;

-- name: is_under_way
SELECT 1 FROM runs WHERE subject = :subject AND target = :target AND finished_us IS NULL LIMIT 1;
