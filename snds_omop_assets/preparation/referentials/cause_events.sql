-- Rows are causes of death other than the initial one (which is DEATH.cause), once per person and code.
-- They go to the table of their concept's domain, as any diagnosis does: a certificate tells what somebody had.
-- The SNDS has certificates since 2006, all coded in CIM-10; no column tells another list.

SELECT
    omop_id('cause_of_death', CAST(person_id AS STRING), code) AS event_id,
    person_id,
    CAST(NULL AS BIGINT) AS visit_occurrence_id,
    CAST(NULL AS BIGINT) AS visit_detail_id,
    'KI_ECD_R' AS origin,
    'CIM10' AS nomenclature,
    code,
    min(source_value) AS source_value,
    min(day) AS start_date,
    CAST(NULL AS DATE) AS end_date,
    'death_certificate' AS type,
    CAST(NULL AS STRING) AS status,
    CAST(NULL AS DOUBLE) AS quantity,
    CAST(NULL AS BIGINT) AS days_supply,
    CAST(NULL AS BIGINT) AS refills,
    CAST(NULL AS STRING) AS unit,
    CAST(NULL AS STRING) AS provider,
    CAST(NULL AS STRING) AS modifier,
    CAST(NULL AS DOUBLE) AS total,
    CAST(NULL AS DOUBLE) AS payer
FROM cause_rows
WHERE rule = 'death' AND code IS DISTINCT FROM initial_code
GROUP BY person_id, code
