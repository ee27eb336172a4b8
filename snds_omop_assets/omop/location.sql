-- LOCATION: one row per place of residence and per place of an establishment.
-- A place is a commune (INSEE code) or, where only that is known, a department.

WITH places AS (
    SELECT commune AS zip, department FROM beneficiaries WHERE department IS NOT NULL
    UNION
    SELECT CAST(NULL AS VARCHAR) AS zip, department FROM establishments WHERE department IS NOT NULL
)

SELECT
    omop_id('location', COALESCE(p.zip, p.department)) AS location_id,
    CAST(NULL AS VARCHAR) AS address_1,
    CAST(NULL AS VARCHAR) AS address_2,
    CAST(NULL AS VARCHAR) AS city,
    d.region AS state,
    p.zip,
    p.department AS county,
    COALESCE(p.zip, p.department) AS location_source_value,
    CAST(NULL AS BIGINT) AS country_concept_id,
    'FR' AS country_source_value,
    CAST(NULL AS DOUBLE) AS latitude,
    CAST(NULL AS DOUBLE) AS longitude
FROM places p
JOIN departments d ON d.department = p.department
ORDER BY location_source_value
