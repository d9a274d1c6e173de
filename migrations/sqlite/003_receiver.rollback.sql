DROP TABLE containers;
DROP TABLE swaps;
DROP TABLE packages;
