-- Where and by whom, in a year of flow (MET_PLACES).
SELECT DISTINCT kind, code, CAST(NULL AS STRING) AS part_of, CAST(NULL AS STRING) AS type_code
FROM (
    SELECT kind, code FROM claim_places WHERE kind <> 'executor'
    UNION ALL SELECT 'site', executor FROM claim_clear_sites
) AS met
