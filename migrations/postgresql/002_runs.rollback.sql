DROP TABLE artifacts;
DROP TABLE run_logs;
DROP TABLE fsm_transitions;
DROP TABLE steps;
DROP TABLE runs;
