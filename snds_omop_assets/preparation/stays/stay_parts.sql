-- stays/stay parts: one row per stay of a file year, or part of a running one, that nothing in its own tables sets
-- aside.
-- A newborn's stay names the pseudonym of the mother: both have the same NIR_ANO_MAM, the same hospital, and entries at
-- most a day apart (HDH chainage_mere_enfant). Where several persons could be the mother, nobody is.

WITH children AS (
    SELECT part_id, mother_key, hospital, entry FROM parts WHERE mother_key IS NOT NULL AND newborn AND rule IS NULL
),
adults AS (
    SELECT mother_key, hospital, entry, NIR_ANO_17, birth_rank
    FROM parts
    WHERE mother_key IS NOT NULL AND NOT newborn AND rule IS NULL
),
mothers AS (
    SELECT
        child.part_id,
        min(mother.NIR_ANO_17) AS mother_pseudonym,
        min(mother.birth_rank) AS mother_birth_rank
    FROM children child
    JOIN adults mother ON mother.mother_key = child.mother_key AND mother.hospital = child.hospital
    WHERE abs(days_between(mother.entry, child.entry)) <= 1
    GROUP BY child.part_id
    HAVING count(DISTINCT mother.NIR_ANO_17) = 1
)
SELECT
    p.part_id,
    p.field,
    p.chained,
    p.file_year,
    p.hospital,
    p.NIR_ANO_17,
    p.birth_rank,
    p.entry,
    p.exit_day,
    p.care_year,
    p.begins,
    p.visit_concept_id,
    p.type,
    p.provider,
    p.site,
    p.visit_source_value,
    p.admitted_from_list,
    p.admitted_from,
    p.discharged_to_list,
    p.discharged_to,
    p.died,
    m.mother_pseudonym,
    m.mother_birth_rank
FROM parts p
LEFT JOIN mothers m ON m.part_id = p.part_id
WHERE p.rule IS NULL
