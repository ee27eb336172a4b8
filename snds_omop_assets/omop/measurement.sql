-- MEASUREMENT: one row per event whose standard concept is a measurement, or whose list holds laboratory acts (NABM).
-- The SNDS says that something was measured, never the result. The table has no quantity: an act that was done twice
-- on a day is one row.
SELECT
    e.row_id AS measurement_id,
    e.person_id,
    e.concept_id AS measurement_concept_id,
    e.start_date AS measurement_date,
    CAST(e.start_date AS TIMESTAMP) AS measurement_datetime,
    CAST(NULL AS STRING) AS measurement_time,
    e.type_concept_id AS measurement_type_concept_id,
    CAST(NULL AS BIGINT) AS operator_concept_id,
    CAST(NULL AS DOUBLE) AS value_as_number,
    e.value_as_concept_id, -- `Maps to value` of the code
    CAST(NULL AS BIGINT) AS unit_concept_id,
    CAST(NULL AS DOUBLE) AS range_low,
    CAST(NULL AS DOUBLE) AS range_high,
    e.provider_id,
    e.visit_occurrence_id,
    e.visit_detail_id,
    e.source_value AS measurement_source_value,
    e.source_concept_id AS measurement_source_concept_id,
    CAST(NULL AS STRING) AS unit_source_value,
    CAST(NULL AS BIGINT) AS unit_source_concept_id,
    CAST(NULL AS STRING) AS value_source_value,
    CAST(NULL AS BIGINT) AS measurement_event_id,
    CAST(NULL AS BIGINT) AS meas_event_field_concept_id
FROM events_routed e
WHERE e.cdm_table = 'measurement'
