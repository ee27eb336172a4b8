-- METADATA: one row per fact of the conversion: what made the base, of which years and days.

WITH facts AS (
    SELECT 'software version' AS name, software_version AS said, CAST(NULL AS DOUBLE) AS number FROM source_info
    UNION ALL SELECT 'engine', engine, NULL FROM source_info
    UNION ALL SELECT 'first year of care', CAST(first_year AS STRING), CAST(first_year AS DOUBLE) FROM base
    UNION ALL SELECT 'last year of care', CAST(last_year AS STRING), CAST(last_year AS DOUBLE) FROM base
    UNION ALL SELECT 'first day of the data', CAST(data_start AS STRING), NULL FROM base
    UNION ALL SELECT 'last day of the data', CAST(data_end AS STRING), NULL FROM base
)

SELECT
    omop_id('metadata', f.name) AS metadata_id,
    CAST(0 AS BIGINT) AS metadata_concept_id,
    CAST(0 AS BIGINT) AS metadata_type_concept_id,
    f.name,
    substr(f.said, 1, 250) AS value_as_string,
    CAST(NULL AS BIGINT) AS value_as_concept_id,
    f.number AS value_as_number,
    s.cdm_release_date AS metadata_date,
    CAST(NULL AS TIMESTAMP) AS metadata_datetime
FROM facts f
CROSS JOIN source_info s
