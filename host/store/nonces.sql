-- Statements of nonces.cpp.

-- name: insert_nonce
INSERT INTO nonces (key_id, nonce, expires_us) VALUES (:key_id, :nonce, :expires_us)
ON CONFLICT (key_id, nonce) DO NOTHING;

-- name: prune_nonces
DELETE FROM nonces WHERE expires_us < :before_us;
