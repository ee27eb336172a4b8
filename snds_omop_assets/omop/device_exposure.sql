-- DEVICE_EXPOSURE: one row per event whose standard concept is a device, or whose list holds devices (LPP).
SELECT
    e.row_id AS device_exposure_id,
    e.person_id,
    e.concept_id AS device_concept_id,
    e.start_date AS device_exposure_start_date,
    CAST(e.start_date AS TIMESTAMP) AS device_exposure_start_datetime,
    e.end_date AS device_exposure_end_date, -- of what is hired; what is bought has no end
    CAST(e.end_date AS TIMESTAMP) AS device_exposure_end_datetime,
    e.type_concept_id AS device_type_concept_id,
    CAST(NULL AS STRING) AS unique_device_id,
    CAST(NULL AS STRING) AS production_id,
    -- The CDM counts whole devices: halves go up, and what was given was one at least.
    CASE WHEN e.quantity IS NOT NULL THEN CAST(greatest(floor(e.quantity + 0.5), 1) AS BIGINT) END AS quantity,
    e.provider_id,
    e.visit_occurrence_id,
    e.visit_detail_id,
    e.source_value AS device_source_value,
    e.source_concept_id AS device_source_concept_id,
    CAST(NULL AS BIGINT) AS unit_concept_id,
    CAST(NULL AS STRING) AS unit_source_value,
    CAST(NULL AS BIGINT) AS unit_source_concept_id
FROM events_routed e
WHERE e.cdm_table = 'device_exposure'
