-- stays/stay told: the diagnoses, acts and goods of the visits, each with its visit and person.

SELECT
    p.visit_id,
    p.person_id,
    p.entry,
    p.file_year,
    p.type,
    r.source_table,
    r.counted,
    r.kind,
    r.nomenclature,
    r.code,
    r.source_value,
    r.day,
    r.quantity,
    r.status,
    r.role,
    r.activity,
    r.phase,
    p.place * 1000000 + r.place AS place,
    r.passage_id
FROM stay_rows r
JOIN stay_known p ON p.part_id = r.part_id
WHERE p.rule IS NULL
