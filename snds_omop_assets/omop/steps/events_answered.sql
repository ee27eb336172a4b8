-- Rows are events of the year with a target of their code: what stands in one row of a CDM table (`cdm_table`).
-- An event of a code with several targets is several rows: the first has the event's id, the others one of their own.
-- The day of the event says the period of the map.
SELECT
    e.*,
    t.place,
    t.cdm_table,
    t.target_concept_id,
    t.value_as_concept_id,
    t.source_concept_id
FROM events e
JOIN targets t
  ON t.nomenclature = e.nomenclature AND t.code = e.code
 AND greatest(least(e.start_date, DATE '2099-12-31'), DATE '1900-01-01') BETWEEN t.valid_start_date AND t.valid_end_date
