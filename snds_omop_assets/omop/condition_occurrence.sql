-- CONDITION_OCCURRENCE: one row per event whose standard concept is a condition, or whose list holds diagnoses.
SELECT
    e.row_id AS condition_occurrence_id,
    e.person_id,
    e.concept_id AS condition_concept_id,
    e.start_date AS condition_start_date,
    CAST(e.start_date AS TIMESTAMP) AS condition_start_datetime,
    e.end_date AS condition_end_date,
    CAST(e.end_date AS TIMESTAMP) AS condition_end_datetime,
    e.type_concept_id AS condition_type_concept_id,
    -- NULL: the event is no diagnosis of the source; 0: a role without concept (a long-term disease).
    CASE WHEN e.status IS NOT NULL THEN coalesce(s.concept_id, 0) END AS condition_status_concept_id,
    CAST(NULL AS STRING) AS stop_reason,
    e.provider_id,
    e.visit_occurrence_id,
    e.visit_detail_id,
    e.source_value AS condition_source_value,
    e.source_concept_id AS condition_source_concept_id,
    e.status AS condition_status_source_value
FROM events_routed e
LEFT JOIN code_lists s ON s.code_list = 'SNDS_STATUS' AND s.code = e.status
WHERE e.cdm_table = 'condition_occurrence'
