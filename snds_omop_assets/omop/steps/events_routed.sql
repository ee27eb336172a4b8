-- Rows are those of events_answered, with all that the tables of events have in common: row_id is the id of the row in
-- its table. Texts of the source are cut to the 50 characters of the CDM.
SELECT
    CASE
        WHEN a.place > 1 THEN omop_id('event', CAST(a.event_id AS STRING), CAST(a.place AS STRING))
        ELSE a.event_id
    END AS row_id,
    a.cdm_table,
    a.target_concept_id AS concept_id,
    a.value_as_concept_id,
    a.source_concept_id,
    a.person_id,
    a.visit_occurrence_id,
    a.visit_detail_id,
    p.provider_id,
    coalesce(k.concept_id, 0) AS type_concept_id,
    a.start_date,
    a.end_date,
    a.status,
    a.quantity,
    a.days_supply,
    a.refills,
    a.modifier,
    left(a.unit, 50) AS unit,
    left(a.source_value, 50) AS source_value
FROM events_answered a
LEFT JOIN provider_ids p ON p.provider = a.provider
LEFT JOIN code_lists k ON k.code_list = 'SNDS_TYPE' AND k.code = a.type
