-- Rows are what a code becomes during a period (code_map), with the CDM table that it goes to, one per target.
-- The domain of the target says the table; a code without target keeps concept 0 and the domain of its list. Domains
-- without a table of events (Visit, Gender, ...) go to OBSERVATION.
-- A code that code_map does not know has no target on any day.
WITH answers AS (
    SELECT nomenclature, code, valid_start_date, valid_end_date, place, target_concept_id, target_domain_id,
           value_as_concept_id, source_concept_id
    FROM code_map
    UNION ALL
    SELECT e.nomenclature, e.code, DATE '1900-01-01', DATE '2099-12-31', 1, 0, l.domain_id, NULL, 0
    FROM (SELECT DISTINCT nomenclature, code FROM events) AS e
    LEFT JOIN list_domains l ON l.nomenclature = e.nomenclature
    WHERE NOT EXISTS (SELECT 1 FROM code_map m WHERE m.nomenclature = e.nomenclature AND m.code = e.code)
)

SELECT a.nomenclature, a.code, a.valid_start_date, a.valid_end_date, a.place, a.target_concept_id,
       a.value_as_concept_id, a.source_concept_id, coalesce(t.cdm_table, 'observation') AS cdm_table
FROM answers a
LEFT JOIN event_tables t ON t.domain_id = a.target_domain_id
