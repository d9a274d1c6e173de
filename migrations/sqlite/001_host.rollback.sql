DROP TABLE secrets;
DROP TABLE operation_keys;
DROP TABLE nonces;
DROP TABLE subscriptions;
DROP TABLE events;
