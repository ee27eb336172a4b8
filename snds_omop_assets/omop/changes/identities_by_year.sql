-- Who everybody is that was met in a year of care, as one number by year: rows are years, and one for all (NULL).
-- The number changes when the person of an identifier does, and only where the models read it.
-- A line reads its own identifier (claims/rows.sql).
WITH of_lines AS (
    SELECT
        BEN_NIR_PSA, coalesce(BEN_RNG_GEM, '') AS BEN_RNG_GEM,
        CAST(omop_id('line', BEN_NIR_PSA, BEN_RNG_GEM, CAST(person_id AS STRING), rule) AS DECIMAL(38, 0)) AS digest,
        CAST(omop_id('all', BEN_NIR_PSA, BEN_RNG_GEM, CAST(persons_of_psa AS STRING)) AS DECIMAL(38, 0)) AS beside
    FROM identities
),
-- A stay reads who stands under its pseudonym: the only person, or the ranks of several, of whom one may be no person of
-- the CDM (stays/stay_people.sql).
of_stays AS (
    SELECT
        BEN_NIR_PSA,
        CASE WHEN max(persons_of_psa) > 1
             THEN sum(CAST(omop_id('stay', BEN_NIR_PSA, BEN_RNG_GEM, CAST(person_id AS STRING), rule) AS DECIMAL(38, 0)))
             ELSE CAST(omop_id('stay', BEN_NIR_PSA, CAST(min(person_id) AS STRING),
                               CASE WHEN min(person_id) IS NULL THEN min(rule) END) AS DECIMAL(38, 0))
        END AS digest
    FROM identities
    GROUP BY BEN_NIR_PSA
),
lines_met AS (
    SELECT DISTINCT BEN_NIR_PSA, coalesce(BEN_RNG_GEM, '') AS BEN_RNG_GEM, year(first_day) AS year
    FROM met_persons WHERE source = 'ER_PRS_F'
),
stays_met AS (
    SELECT BEN_NIR_PSA, year(first_day) AS year FROM met_persons WHERE source = 'PMSI'
    UNION
    -- A newborn's stay names the mother, whose own stay may have begun in another year.
    SELECT mother_pseudonym, year(entry) FROM all_stay_parts WHERE mother_pseudonym IS NOT NULL
),
read_here AS (
    SELECT m.year, o.digest
    FROM lines_met m
    JOIN of_lines o ON o.BEN_NIR_PSA = m.BEN_NIR_PSA AND o.BEN_RNG_GEM = m.BEN_RNG_GEM
    UNION ALL
    SELECT m.year, o.digest FROM stays_met m JOIN of_stays o ON o.BEN_NIR_PSA = m.BEN_NIR_PSA
)
SELECT CAST(year AS INT) AS year, CAST(sum(digest) AS STRING) AS digest FROM read_here GROUP BY year
UNION ALL
SELECT CAST(NULL AS INT), CAST(sum(digest) + sum(beside) AS STRING) FROM of_lines
