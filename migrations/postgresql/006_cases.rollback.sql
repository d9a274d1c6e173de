DROP TABLE resolved_cases;
