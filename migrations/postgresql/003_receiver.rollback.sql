DROP TABLE deploy_locks;
DROP TABLE containers;
DROP TABLE swaps;
DROP TABLE images;
DROP TABLE packages;
