-- Where and by whom, in a month of flow: rows are facilities, executors' numbers and kinds of providers, each once.
SELECT DISTINCT 'site' AS kind, site AS code FROM claim_month WHERE care_year IS NOT NULL AND site IS NOT NULL
UNION ALL
SELECT DISTINCT 'executor', executor FROM claim_month WHERE care_year IS NOT NULL AND executor IS NOT NULL
UNION ALL
SELECT DISTINCT 'provider', executor_kind FROM claim_month WHERE care_year IS NOT NULL AND executor_kind IS NOT NULL
UNION ALL
SELECT DISTINCT 'provider', prescriber_kind FROM claim_month WHERE care_year IS NOT NULL AND prescriber_kind IS NOT NULL
