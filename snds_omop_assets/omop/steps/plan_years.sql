-- Rows are plans of a person in a year of care: a scheme (the first three characters of ORG_AFF_BEN) with or without
-- the complementary solidarity insurance (C2S, BEN_CMU_TOP 1), from the first to the last day on which claims tell it.
-- From its first to its last day C2S pays, whatever single claims leave out: the scheme alone stands before and after.
-- Who pays is told by the DCIR only.

WITH told AS (
    SELECT
        i.person_id,
        CAST(year(m.first_day) AS INT) AS care_year,
        substr(m.ORG_AFF_BEN, 1, 3) AS scheme,
        min(CASE WHEN m.BEN_CMU_TOP = '1' THEN m.first_day END) AS c2s_from,
        max(CASE WHEN m.BEN_CMU_TOP = '1' THEN m.last_day END) AS c2s_until,
        min(CASE WHEN m.BEN_CMU_TOP IS DISTINCT FROM '1' THEN m.first_day END) AS alone_from,
        max(CASE WHEN m.BEN_CMU_TOP IS DISTINCT FROM '1' THEN m.last_day END) AS alone_until
    FROM met_persons m
    JOIN identities i ON i.BEN_NIR_PSA = m.BEN_NIR_PSA AND i.BEN_RNG_GEM IS NOT DISTINCT FROM m.BEN_RNG_GEM
    WHERE m.ORG_AFF_BEN IS NOT NULL AND i.person_id IS NOT NULL
    GROUP BY i.person_id, year(m.first_day), substr(m.ORG_AFF_BEN, 1, 3)
)

SELECT person_id, care_year, scheme, 'C2S' AS plan, c2s_from AS first_day, c2s_until AS last_day
FROM told
WHERE c2s_from IS NOT NULL
UNION ALL
-- Before it, or all the year.
SELECT person_id, care_year, scheme, NULL, alone_from, least(alone_until, c2s_from + CAST(-1 AS INT))
FROM told
WHERE alone_from IS NOT NULL AND (c2s_from IS NULL OR alone_from < c2s_from)
UNION ALL
SELECT person_id, care_year, scheme, NULL, greatest(alone_from, c2s_until + CAST(1 AS INT)), alone_until
FROM told
WHERE alone_until > c2s_until
