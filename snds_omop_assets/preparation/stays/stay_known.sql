-- stays/stay known: the stays with their person and their visit, or the rule by which they end.
-- A running stay of the SSR, HAD or psychiatry has another number each year: the same person, hospital and day of entry
-- are one visit. place orders its parts, those of one year by their first day; the first makes
-- the visit.

WITH known AS (
    SELECT
        p.*,
        who.person_id,
        who.rule,
        CASE
            WHEN p.chained THEN omop_id(
                'visit', p.field, CAST(who.person_id AS STRING), p.hospital, CAST(p.entry AS STRING)
            )
            ELSE p.part_id
        END AS visit_id
    FROM stay_parts p
    LEFT JOIN stay_people who
        ON who.NIR_ANO_17 = p.NIR_ANO_17 AND coalesce(who.birth_rank, '') = coalesce(p.birth_rank, '')
)
SELECT *, CAST(1 AS BIGINT) AS place FROM known WHERE NOT chained OR rule IS NOT NULL
UNION ALL
SELECT *, row_number() OVER (
    PARTITION BY visit_id
    ORDER BY file_year NULLS FIRST, begins NULLS LAST, exit_day, part_id
) AS place
FROM known
WHERE chained AND rule IS NULL
