-- stays/stay details (DETAILS): one row per passage in a unit (MCO) or week (SSR), after the one before of the same
-- visit.

SELECT
    d.passage_id AS visit_detail_id,
    p.visit_id AS visit_occurrence_id,
    p.person_id,
    d.first_day AS visit_detail_start_date,
    d.last_day AS visit_detail_end_date,
    p.type,
    p.provider,
    d.unit,
    d.unit_type_list,
    d.unit_type,
    lag(d.passage_id) OVER (PARTITION BY p.visit_id ORDER BY p.place, d.place) AS preceding_visit_detail_id
FROM stay_passages d
JOIN stay_known p ON p.part_id = d.part_id
WHERE p.rule IS NULL
