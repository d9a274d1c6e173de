DROP TABLE node_kv;
