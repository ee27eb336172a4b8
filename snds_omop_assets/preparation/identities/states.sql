-- A row is what a row of the referential says of its person, or the facts of a person whom the referential lacks.
-- The referential decides where it knows somebody: the year of birth of the PMSI is an estimate from the age.

WITH only_met AS (
    SELECT w.identifier, w.BEN_NIR_PSA, w.BEN_RNG_GEM, w.person
    FROM whose w
    LEFT JOIN known_identifiers k ON k.identifier = w.person
    WHERE w.person IS NOT NULL AND k.identifier IS NULL
),

dummies AS (
    SELECT number_for_life
    FROM shared_numbers
    WHERE too_many
)

SELECT
    w.person,
    r.source,
    r.own_key,
    r.own_key_delivered,
    -- A number that stands for too many identifiers is nobody's.
    CASE WHEN nir.number_for_life IS NULL THEN r.BEN_NIR_ANO END AS BEN_NIR_ANO,
    CASE WHEN idt.number_for_life IS NULL THEN r.BEN_IDT_ANO END AS BEN_IDT_ANO,
    r.for_life,
    r.BEN_NIR_PSA, r.BEN_SEX_COD, r.BEN_SEX_COD_DELIVERED, r.BEN_NAI_ANN, r.BEN_NAI_MOI, r.BEN_RES_DPT, r.BEN_RES_COM,
    r.ORG_AFF_BEN, r.BEN_DCD_DTE, r.BEN_DCD_AME, r.MAX_TRT_DTD, r.BEN_DTE_MAJ, r.source_file, r.source_line
FROM referential_rows r
JOIN whose w ON w.identifier = r.identifier
LEFT JOIN dummies nir ON nir.number_for_life = r.BEN_NIR_ANO
LEFT JOIN dummies idt ON idt.number_for_life = r.BEN_IDT_ANO
WHERE r.rule IS NULL
UNION ALL
SELECT
    o.person,
    m.source,
    o.BEN_NIR_PSA || coalesce(o.BEN_RNG_GEM, ''),
    o.BEN_NIR_PSA || coalesce(o.BEN_RNG_GEM, ''),
    NULL, NULL, FALSE,
    m.BEN_NIR_PSA, m.BEN_SEX_COD, m.BEN_SEX_COD, m.birth_year, NULL, m.BEN_RES_DPT, m.BEN_RES_COM, m.ORG_AFF_BEN,
    m.death_date, m.death_month, m.last_day, m.first_day, NULL, NULL
FROM met_persons m
JOIN only_met o ON o.BEN_NIR_PSA = m.BEN_NIR_PSA AND o.BEN_RNG_GEM IS NOT DISTINCT FROM m.BEN_RNG_GEM
