-- Where and by whom, in a month of flow: rows are facilities, executors' numbers and kinds of providers, each once.
SELECT DISTINCT 'site' AS kind, site AS code FROM claim_month WHERE kept AND site IS NOT NULL
UNION ALL
SELECT DISTINCT 'executor', executor FROM claim_month WHERE kept AND executor IS NOT NULL
UNION ALL
SELECT DISTINCT 'provider', executor_kind FROM claim_month WHERE kept AND executor_kind IS NOT NULL
UNION ALL
SELECT DISTINCT 'provider', prescriber_kind FROM claim_month WHERE kept AND prescriber_kind IS NOT NULL
