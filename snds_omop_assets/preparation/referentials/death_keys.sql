-- Rows are identifiers by which the CépiDc names persons, each with the person, or the rule that says there is none.
-- KI_CCI_R has the BEN_IDT_ANO of the identifier of that time: a person whose number changed has several. A dummy (rows of
-- X, or a number that several persons have) names nobody.

WITH told AS (
    SELECT BEN_NIR_PSA, BEN_RNG_GEM, BEN_IDT_ANO, BEN_NIR_ANO FROM IR_BEN_R
    UNION ALL
    SELECT BEN_NIR_PSA, BEN_RNG_GEM, BEN_IDT_ANO, BEN_NIR_ANO FROM IR_BEN_R_ARC
),

named AS (
    SELECT
        coalesce(t.BEN_IDT_ANO, t.BEN_NIR_ANO, t.BEN_NIR_PSA || coalesce(t.BEN_RNG_GEM, '')) AS death_key,
        i.person_id,
        i.rule
    FROM told t
    JOIN identities i ON i.BEN_NIR_PSA = t.BEN_NIR_PSA AND i.BEN_RNG_GEM IS NOT DISTINCT FROM t.BEN_RNG_GEM
    UNION ALL
    SELECT person_key, person_id, rule FROM identities
)

SELECT death_key, min(person_id) AS person_id, min(rule) AS rule
FROM named
WHERE death_key IS NOT NULL AND replace(upper(death_key), 'X', '') <> ''
GROUP BY death_key
HAVING count(DISTINCT person_id) <= 1
