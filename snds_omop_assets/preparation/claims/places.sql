-- Where and by whom, in a year of flow (MET_PLACES): facilities, executors that are one, and kinds of providers, of the
-- lines that go on.
SELECT kind, code, CAST(NULL AS STRING) AS part_of, CAST(NULL AS STRING) AS type_code
FROM (
    SELECT 'site' AS kind, site AS code FROM claim_prepared WHERE care_year IS NOT NULL AND site IS NOT NULL
    UNION
    SELECT 'provider', executor_kind FROM claim_prepared WHERE care_year IS NOT NULL AND executor_kind IS NOT NULL
    UNION
    SELECT 'provider', prescriber_kind FROM claim_prepared WHERE care_year IS NOT NULL AND prescriber_kind IS NOT NULL
    UNION
    SELECT 'site', executor FROM claim_clear_sites
) AS met
