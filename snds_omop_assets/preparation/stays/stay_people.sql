-- stays/stay people: one row per pseudonym and rank of birth of the stays, with the person, or why there is none.
-- The only usable person under the pseudonym; of several (twins), the one that the rank of birth designates, else
-- nobody knows whose stay it is (ambiguous_twin). Without a usable person, the rule of the identifier.

WITH met AS (
    SELECT NIR_ANO_17, birth_rank FROM stay_parts
    UNION
    SELECT mother_pseudonym, mother_birth_rank FROM stay_parts WHERE mother_pseudonym IS NOT NULL
),
those AS (
    SELECT i.BEN_NIR_PSA, i.BEN_RNG_GEM, i.person_id, i.rule
    FROM identities i
    WHERE EXISTS (SELECT 1 FROM met WHERE met.NIR_ANO_17 = i.BEN_NIR_PSA)
),
known AS (
    SELECT BEN_NIR_PSA, count(DISTINCT person_id) AS persons, min(person_id) AS person_id, min(rule) AS rule
    FROM those
    GROUP BY BEN_NIR_PSA
),
ranked AS (
    SELECT BEN_NIR_PSA, BEN_RNG_GEM, min(person_id) AS person_id
    FROM those
    WHERE person_id IS NOT NULL AND BEN_RNG_GEM IS NOT NULL
    GROUP BY BEN_NIR_PSA, BEN_RNG_GEM
    HAVING count(DISTINCT person_id) = 1
)
SELECT
    met.NIR_ANO_17,
    met.birth_rank,
    CASE WHEN known.persons = 1 THEN known.person_id WHEN known.persons > 1 THEN ranked.person_id END AS person_id,
    CASE
        WHEN known.BEN_NIR_PSA IS NULL THEN 'no_person'
        WHEN known.persons = 0 THEN coalesce(known.rule, 'no_person')
        WHEN known.persons > 1 AND ranked.person_id IS NULL THEN 'ambiguous_twin'
    END AS rule
FROM met
LEFT JOIN known ON known.BEN_NIR_PSA = met.NIR_ANO_17
LEFT JOIN ranked ON ranked.BEN_NIR_PSA = met.NIR_ANO_17 AND ranked.BEN_RNG_GEM = met.birth_rank
