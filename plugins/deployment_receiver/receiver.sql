-- Statements of journal.cpp.

-- name: read_package
SELECT deployment_id, container_name, origin, blob, bytes, version, config_digest, state, error_code,
       error_message, created_us, updated_us
FROM packages WHERE deployment_id = :deployment_id;

-- name: find_package_by_blob
SELECT deployment_id, container_name, origin, blob, bytes, version, config_digest, state, error_code,
       error_message, created_us, updated_us
FROM packages WHERE blob = :blob AND state = 'ready_for_deployment' ORDER BY created_us DESC LIMIT 1;

-- name: packages_in_state
SELECT deployment_id, container_name, origin, blob, bytes, version, config_digest, state, error_code,
       error_message, created_us, updated_us
FROM packages WHERE state = :state AND updated_us < :before_us LIMIT 500;

-- What still waits, what failed and has a blob, and what is under way with nobody who has its lease.

-- name: old_packages
SELECT deployment_id, container_name, origin, blob, bytes, version, config_digest, state, error_code,
       error_message, created_us, updated_us
FROM packages
WHERE updated_us < :before_us
  AND (state IN ('ready_for_deployment', 'awaiting_package')
       OR (state = 'failed' AND blob <> '')
       OR (state IN ('receiving', 'deploying')
           AND NOT EXISTS (SELECT 1 FROM leases l
                           WHERE l.deployment_id = packages.deployment_id AND l.expires_us > :now_us)))
ORDER BY updated_us LIMIT 500;

-- name: put_package
INSERT INTO packages (deployment_id, container_name, origin, blob, bytes, version, config_digest, state,
                      error_code, error_message, created_us, updated_us)
VALUES (:deployment_id, :container_name, :origin, :blob, :bytes, :version, :config_digest, :state,
        :error_code, :error_message, :now_us, :now_us)
ON CONFLICT (deployment_id) DO UPDATE
SET container_name = excluded.container_name, origin = excluded.origin, blob = excluded.blob,
    bytes = excluded.bytes, version = excluded.version, config_digest = excluded.config_digest,
    state = excluded.state, error_code = excluded.error_code, error_message = excluded.error_message,
    updated_us = excluded.updated_us;

-- name: put_awaited_package
INSERT INTO packages (deployment_id, container_name, origin, blob, bytes, version, config_digest, state,
                      error_code, error_message, created_us, updated_us)
VALUES (:deployment_id, :container_name, :origin, :blob, :bytes, :version, :config_digest, :state,
        :error_code, :error_message, :now_us, :now_us)
ON CONFLICT (deployment_id) DO UPDATE
SET container_name = excluded.container_name, origin = excluded.origin, version = excluded.version,
    config_digest = excluded.config_digest, state = excluded.state, error_code = excluded.error_code,
    error_message = excluded.error_message, updated_us = excluded.updated_us
WHERE packages.blob = '' AND packages.state IN ('awaiting_package', 'failed');

-- Who counts the users of a blob, or becomes one, waits for whoever does so now; SQLite has one writer anyway.

-- name: lock_blob_users
UPDATE packages SET blob = blob WHERE blob = :blob;

-- name: other_blob_users
SELECT count(*) FROM packages WHERE blob = :blob AND deployment_id <> :deployment_id;

-- name: delete_packages_before
DELETE FROM packages WHERE updated_us < :before_us AND blob = '' AND state IN ('deployed', 'failed');

-- name: delete_swaps_before
DELETE FROM swaps
WHERE updated_us < :before_us AND state IN ('committed', 'restored', 'undone')
  AND NOT EXISTS (SELECT 1 FROM secrets b WHERE b.id = 'rollback/' || swaps.deployment_id)
  AND (SELECT count(*) FROM swaps n
       WHERE n.container_name = swaps.container_name AND n.created_us > swaps.created_us) >= 5;

-- What a previous container was, values of its environment included, for the day when somebody has removed it.

-- name: put_blueprint
INSERT INTO secrets (id, workflow_id, value, created_us)
VALUES ('rollback/' || :deployment_id, 'rollback/' || :deployment_id, :value, :now_us)
ON CONFLICT (id) DO NOTHING;

-- name: read_blueprint
SELECT value FROM secrets WHERE id = 'rollback/' || :deployment_id;

-- name: delete_blueprint
DELETE FROM secrets WHERE id = 'rollback/' || :deployment_id;

-- name: delete_blueprints_without_level
DELETE FROM secrets
WHERE id LIKE 'rollback/%'
  AND NOT EXISTS (SELECT 1 FROM swaps s
                  WHERE 'rollback/' || s.deployment_id = secrets.id
                    AND s.state IN ('open', 'failed', 'committed'));

-- name: remade_as_old
UPDATE swaps SET old_id = :made_id WHERE container_name = :container_name AND old_id = :lost_id;

-- name: remade_as_new
UPDATE swaps SET new_id = :made_id WHERE container_name = :container_name AND new_id = :lost_id;

-- name: mark_remade
UPDATE swaps SET step = 'remade', updated_us = :now_us WHERE deployment_id = :deployment_id;

-- name: kept_levels
SELECT s.container_name, s.old_spec FROM swaps s
WHERE s.old_id <> '' AND s.state IN ('open', 'failed', 'committed')
  AND EXISTS (SELECT 1 FROM secrets b WHERE b.id = 'rollback/' || s.deployment_id)
ORDER BY s.container_name, s.created_us DESC, s.deployment_id;

-- name: present_images
SELECT name, image_ref FROM containers WHERE image_ref <> '';

-- name: image_digest
SELECT config_digest FROM images WHERE container_name = :container_name AND deployment_id = :deployment_id
ORDER BY created_us DESC LIMIT 1;

-- name: stored_packages
SELECT deployment_id, container_name, origin, blob, bytes, version, config_digest, state, error_code,
       error_message, created_us, updated_us
FROM packages WHERE blob <> '' AND state = 'deployed' ORDER BY updated_us DESC, deployment_id;

-- name: put_image
INSERT INTO images (image_ref, container_name, deployment_id, config_digest, image_id, created_us)
VALUES (:image_ref, :container_name, :deployment_id, :config_digest, :image_id, :now_us)
ON CONFLICT (image_ref) DO UPDATE
SET config_digest = excluded.config_digest, image_id = excluded.image_id;

-- name: images_with_digest
SELECT image_ref, image_id FROM images
WHERE config_digest = :config_digest ORDER BY created_us DESC LIMIT 20;

-- name: images_of_container
SELECT image_ref, deployment_id FROM images WHERE container_name = :container_name;

-- name: delete_image
DELETE FROM images WHERE image_ref = :image_ref;

-- name: read_swap
SELECT deployment_id, container_name, origin, old_id, old_policy, old_running, old_spec, new_id,
       requested_policy, image_ref, state, step, created_us
FROM swaps WHERE deployment_id = :deployment_id;

-- name: swaps_of_container
SELECT deployment_id, container_name, origin, old_id, old_policy, old_running, old_spec, new_id,
       requested_policy, image_ref, state, step, created_us
FROM swaps WHERE container_name = :container_name ORDER BY created_us DESC, deployment_id LIMIT 100;

-- name: cut_off_swaps
SELECT deployment_id, container_name, origin, old_id, old_policy, old_running, old_spec, new_id,
       requested_policy, image_ref, state, step, created_us
FROM swaps
WHERE state = 'open' AND origin = 'request'
  AND NOT EXISTS (SELECT 1 FROM leases l
                  WHERE l.container_name = swaps.container_name AND l.deployment_id <> ''
                    AND l.expires_us > :now_us)
ORDER BY created_us LIMIT 100;

-- name: insert_swap
INSERT INTO swaps (deployment_id, container_name, origin, old_id, old_policy, old_running, old_spec,
                   requested_policy, new_id, image_ref, state, step, created_us, updated_us)
VALUES (:deployment_id, :container_name, :origin, :old_id, :old_policy, :old_running, :old_spec,
        :requested_policy, :new_id, :image_ref, :state, :step, :now_us, :now_us)
ON CONFLICT (deployment_id) DO UPDATE
SET old_id = excluded.old_id, old_policy = excluded.old_policy, old_running = excluded.old_running,
    old_spec = excluded.old_spec, requested_policy = excluded.requested_policy, new_id = excluded.new_id,
    state = excluded.state, step = excluded.step, updated_us = excluded.updated_us
WHERE swaps.step = 'planned' AND excluded.step <> 'planned';

-- name: update_swap
UPDATE swaps SET new_id = :new_id, image_ref = :image_ref, requested_policy = :requested_policy,
                 state = :state, step = :step, updated_us = :now_us
WHERE deployment_id = :deployment_id;

-- name: read_container
SELECT container_id, deployment_id, image_ref FROM containers WHERE name = :name;

-- name: put_container
INSERT INTO containers (name, container_id, deployment_id, image_ref, updated_us)
VALUES (:name, :container_id, :deployment_id, :image_ref, :now_us)
ON CONFLICT (name) DO UPDATE
SET container_id = excluded.container_id, deployment_id = excluded.deployment_id,
    image_ref = excluded.image_ref, updated_us = excluded.updated_us;

-- name: read_lease
SELECT deployment_id, caller, token, since_us, expires_us FROM leases WHERE container_name = :container_name;

-- name: lease_callers
SELECT caller FROM leases WHERE deployment_id = :deployment_id;

-- name: write_lease
INSERT INTO leases (container_name, deployment_id, caller, token, since_us, expires_us)
VALUES (:container_name, :deployment_id, :caller, :token, :since_us, :expires_us)
ON CONFLICT (container_name) DO UPDATE
SET deployment_id = excluded.deployment_id, caller = excluded.caller, token = excluded.token,
    since_us = excluded.since_us, expires_us = excluded.expires_us;

-- name: renew_lease
UPDATE leases SET expires_us = :expires_us
WHERE container_name = :container_name AND deployment_id = :deployment_id;

-- name: free_leases_of
UPDATE leases SET deployment_id = '', caller = '' WHERE deployment_id = :deployment_id;

-- name: extend_leases
UPDATE leases SET expires_us = :expires_us WHERE deployment_id <> '';

-- name: free_leases_of_requests
UPDATE leases SET deployment_id = '', caller = ''
WHERE deployment_id IN (SELECT deployment_id FROM swaps WHERE state = 'open' AND origin = 'request');
