-- Statements of migrations.cpp. The table is the same text on every engine, since it exists before any migration.

-- name: create_schema_migrations
CREATE TABLE IF NOT EXISTS schema_migrations (
    number BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    applied_at_us BIGINT NOT NULL
);

-- name: read_migrations
SELECT number, name, digest, applied_at_us FROM schema_migrations ORDER BY number;

-- name: insert_migration
INSERT INTO schema_migrations (number, name, digest, applied_at_us)
VALUES (:number, :name, :digest, :now_us);

-- name: delete_migration
DELETE FROM schema_migrations WHERE number = :number;
