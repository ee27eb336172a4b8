-- stays/stay people: one row per pseudonym and rank of birth of the stays, with the person, or why there is none.
-- The only person under the pseudonym; of several (twins), the one that the rank of birth designates, else nobody knows
-- whose stay it is (ambiguous_twin). Without a person that can be in the CDM, the rule of the identifier: a twin without
-- a year of birth is still not the other.

WITH met AS (
    SELECT NIR_ANO_17, birth_rank FROM stay_parts
    UNION
    SELECT mother_pseudonym, mother_birth_rank FROM stay_parts WHERE mother_pseudonym IS NOT NULL
),
those AS (
    SELECT i.BEN_NIR_PSA, i.BEN_RNG_GEM, i.person_id, i.rule, i.persons_of_psa
    FROM identities i
    WHERE EXISTS (SELECT 1 FROM met WHERE met.NIR_ANO_17 = i.BEN_NIR_PSA)
),
known AS (
    SELECT BEN_NIR_PSA, max(persons_of_psa) AS persons, min(person_id) AS person_id, min(rule) AS rule
    FROM those
    GROUP BY BEN_NIR_PSA
),
ranked AS (
    SELECT BEN_NIR_PSA, BEN_RNG_GEM, min(person_id) AS person_id, min(rule) AS rule
    FROM those
    WHERE BEN_RNG_GEM IS NOT NULL
    GROUP BY BEN_NIR_PSA, BEN_RNG_GEM
),
found AS (
    SELECT
        met.NIR_ANO_17,
        met.birth_rank,
        CASE WHEN known.persons > 1 THEN ranked.person_id ELSE known.person_id END AS person_id,
        CASE
            WHEN known.persons > 1 AND ranked.BEN_NIR_PSA IS NULL THEN 'ambiguous_twin'
            WHEN known.persons > 1 THEN ranked.rule
            ELSE known.rule
        END AS rule
    FROM met
    LEFT JOIN known ON known.BEN_NIR_PSA = met.NIR_ANO_17
    LEFT JOIN ranked ON ranked.BEN_NIR_PSA = met.NIR_ANO_17 AND ranked.BEN_RNG_GEM = met.birth_rank
)
SELECT NIR_ANO_17, birth_rank, person_id, CASE WHEN person_id IS NULL THEN coalesce(rule, 'no_person') END AS rule
FROM found
