-- SPECIMEN: one row per event whose standard concept is a specimen; no French list holds specimens.
SELECT
    e.row_id AS specimen_id,
    e.person_id,
    e.concept_id AS specimen_concept_id,
    e.type_concept_id AS specimen_type_concept_id,
    e.start_date AS specimen_date,
    CAST(e.start_date AS TIMESTAMP) AS specimen_datetime,
    e.quantity,
    CAST(NULL AS BIGINT) AS unit_concept_id,
    CAST(NULL AS BIGINT) AS anatomic_site_concept_id,
    CAST(NULL AS BIGINT) AS disease_status_concept_id,
    CAST(NULL AS STRING) AS specimen_source_id,
    e.source_value AS specimen_source_value,
    CAST(NULL AS STRING) AS unit_source_value,
    CAST(NULL AS STRING) AS anatomic_site_source_value,
    CAST(NULL AS STRING) AS disease_status_source_value
FROM events_routed e
WHERE e.cdm_table = 'specimen'
