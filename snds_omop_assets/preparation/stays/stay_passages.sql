-- stays/stay passages: one row per passage in a unit (MCO) or week (SSR), with its days, of the stays that go on.
-- Weeks that are set aside, or without presence, are none.

SELECT
    omop_id('visit_detail', p.field, CAST(p.file_year AS STRING), s.hospital, s.number, CAST(s.place AS STRING))
        AS passage_id,
    p.part_id,
    p.care_year,
    s.place,
    s.first_day,
    greatest(s.first_day, s.last_day) AS last_day,
    s.site || '_' || s.unit_type AS unit,
    CASE WHEN s.unit_type IS NOT NULL THEN s.unit_type_list END AS unit_type_list,
    s.unit_type
FROM slices s
JOIN parts p ON p.hospital = s.hospital AND p.number = s.number
WHERE p.rule IS NULL AND s.rule IS NULL AND s.unit_type_list IS NOT NULL AND s.first_day IS NOT NULL
