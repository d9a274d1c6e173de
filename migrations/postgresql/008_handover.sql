-- Runs that were handed over: on the host that began them, who has them now and after which attempt; on the host
-- that took them over, who has begun them.
ALTER TABLE runs ADD COLUMN handed_to TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN handed_step BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN handed_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN came_from TEXT NOT NULL DEFAULT '';
