ALTER TABLE runs DROP COLUMN came_from;
ALTER TABLE runs DROP COLUMN handed_us;
ALTER TABLE runs DROP COLUMN handed_step;
ALTER TABLE runs DROP COLUMN handed_to;
