-- stays/stay rows: one row per diagnosis, act or good of the stays that go on.
-- The passage is the one that the row names; for acts and goods of the MCO that name none, the unit of their day.

SELECT
    j.part_id,
    j.care_year,
    j.source_table,
    j.counted,
    j.kind,
    j.nomenclature,
    j.code,
    j.source_value,
    j.day,
    j.quantity,
    j.status,
    j.role,
    j.activity,
    j.phase,
    j.place,
    CASE
        WHEN coalesce(j.passage_place, d.place) IS NOT NULL
            THEN omop_id(
                'visit_detail', f.field, CAST(f.file_year AS STRING), j.hospital, j.number,
                CAST(coalesce(j.passage_place, d.place) AS STRING)
            )
    END AS passage_id
FROM judged j
CROSS JOIN this_field f
LEFT JOIN slices d
    ON d.hospital = j.hospital AND d.number = j.number
    AND j.day >= d.first_day AND j.day <= d.until_day
    AND j.kind <> 'diagnosis' AND j.passage_place IS NULL AND NOT f.chained
WHERE j.rule IS NULL AND j.later_rule IS NULL AND j.kind <> 'line'
