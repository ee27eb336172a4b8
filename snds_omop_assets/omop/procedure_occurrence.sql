-- PROCEDURE_OCCURRENCE: one row per event whose standard concept is a procedure, or whose list holds acts.
SELECT
    e.row_id AS procedure_occurrence_id,
    e.person_id,
    e.concept_id AS procedure_concept_id,
    e.start_date AS procedure_date,
    CAST(e.start_date AS TIMESTAMP) AS procedure_datetime,
    e.end_date AS procedure_end_date,
    CAST(e.end_date AS TIMESTAMP) AS procedure_end_datetime,
    e.type_concept_id AS procedure_type_concept_id,
    0 AS modifier_concept_id,
    -- The CDM counts whole acts: halves go up, and what was done was done once at least.
    CASE WHEN e.quantity IS NOT NULL THEN CAST(greatest(floor(e.quantity + 0.5), 1) AS BIGINT) END AS quantity,
    e.provider_id,
    e.visit_occurrence_id,
    e.visit_detail_id,
    e.source_value AS procedure_source_value,
    e.source_concept_id AS procedure_source_concept_id,
    e.modifier AS modifier_source_value -- activity and phase of a CCAM act
FROM events_routed e
WHERE e.cdm_table = 'procedure_occurrence'
