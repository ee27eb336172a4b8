-- Rows are plans of a person in a year of care: a scheme (the first three characters of ORG_AFF_BEN) with or without
-- the complementary solidarity insurance (C2S, BEN_CMU_TOP 1), from the first to the last day on which claims tell it.
-- Who pays is told by the DCIR only.

SELECT
    i.person_id,
    year(m.first_day) AS care_year,
    substr(m.ORG_AFF_BEN, 1, 3) AS scheme,
    CASE WHEN m.BEN_CMU_TOP = '1' THEN 'C2S' END AS plan,
    min(m.first_day) AS first_day,
    max(m.last_day) AS last_day
FROM met_persons m
JOIN identities i ON i.BEN_NIR_PSA = m.BEN_NIR_PSA AND i.BEN_RNG_GEM IS NOT DISTINCT FROM m.BEN_RNG_GEM
WHERE m.ORG_AFF_BEN IS NOT NULL AND i.person_id IS NOT NULL
GROUP BY i.person_id, year(m.first_day), substr(m.ORG_AFF_BEN, 1, 3), CASE WHEN m.BEN_CMU_TOP = '1' THEN 'C2S' END
