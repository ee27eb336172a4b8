-- stays/stay facts (PERSON_FACTS): who left a stay dead (SOR_MOD 9), on its last day; who a newborn's mother is.

SELECT
    'death' AS kind,
    person_id,
    max(exit_day) AS day,
    CAST(NULL AS BIGINT) AS other_person_id,
    visit_id AS visit_occurrence_id
FROM stay_known
WHERE rule IS NULL AND died
GROUP BY person_id, visit_id
UNION ALL
SELECT DISTINCT 'mother', p.person_id, p.entry, m.person_id, p.visit_id
FROM stay_known p
JOIN stay_people m
    ON m.NIR_ANO_17 = p.mother_pseudonym AND coalesce(m.birth_rank, '') = coalesce(p.mother_birth_rank, '')
WHERE p.rule IS NULL AND m.person_id IS NOT NULL AND m.person_id <> p.person_id
