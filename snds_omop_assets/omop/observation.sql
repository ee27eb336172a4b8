-- OBSERVATION: one row per event whose standard concept is an observation, or of a domain that has no table of events.
SELECT
    e.row_id AS observation_id,
    e.person_id,
    e.concept_id AS observation_concept_id,
    e.start_date AS observation_date,
    CAST(e.start_date AS TIMESTAMP) AS observation_datetime,
    e.type_concept_id AS observation_type_concept_id,
    CAST(NULL AS DOUBLE) AS value_as_number,
    CAST(NULL AS STRING) AS value_as_string,
    e.value_as_concept_id, -- `Maps to value` of the code
    CAST(NULL AS BIGINT) AS qualifier_concept_id,
    CAST(NULL AS BIGINT) AS unit_concept_id,
    e.provider_id,
    e.visit_occurrence_id,
    e.visit_detail_id,
    e.source_value AS observation_source_value,
    e.source_concept_id AS observation_source_concept_id,
    CAST(NULL AS STRING) AS unit_source_value,
    e.status AS qualifier_source_value, -- the role of a diagnosis
    CAST(NULL AS STRING) AS value_source_value,
    CAST(NULL AS BIGINT) AS observation_event_id,
    CAST(NULL AS BIGINT) AS obs_event_field_concept_id
FROM events_routed e
WHERE e.cdm_table = 'observation'
