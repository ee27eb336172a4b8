-- stays/parts: one row per row of C or CSTC of a field and file year, with its id, and the rule by which it ends.
-- The first rule that fits (docs/synthetic, "What becomes of each row"): sent twice by a hospital group; an act for
-- another hospital; a grouping error; a return code of the chaining; a pseudonym that is a row of x (HDH
-- fiche_beneficiaire, essentiel_snds); no day of entry. The year of birth is the year of entry minus AGE_ANN, or
-- that of AGE_JOU days before.

WITH told AS (
    SELECT
        n.*,
        f.field,
        f.chained,
        f.file_year,
        f.type,
        upper(n.NIR_ANO_17) AS pseudonym,
        t.finess IS NOT NULL AS sent_twice
    FROM found n
    CROSS JOIN this_field f
    LEFT JOIN sent_twice t ON t.finess = n.hospital AND t.field = f.field
)
SELECT
    omop_id('visit', field, CAST(file_year AS STRING), hospital, number) AS part_id,
    field,
    chained,
    file_year,
    hospital,
    number,
    NIR_ANO_17,
    birth_rank,
    CASE
        WHEN trim(mother_key) = '' OR replace(upper(mother_key), 'AB', '') = '' THEN NULL
        ELSE mother_key
    END AS mother_key,
    coalesce(age_years, 0) = 0 AND (age_years IS NOT NULL OR age_days IS NOT NULL) AS newborn,
    entry,
    greatest(entry, coalesce(exit_day, entry)) AS exit_day,
    CAST(year(entry) AS INT) AS care_year,
    origin,
    begins,
    CAST(visit_concept_id AS BIGINT) AS visit_concept_id,
    type,
    provider,
    site,
    visit_source_value,
    CASE WHEN ENT_PRV IS NOT NULL THEN 'MS_PRV_V_ENT' WHEN ENT_MOD IS NOT NULL THEN 'MS_ENT_V' END
        AS admitted_from_list,
    coalesce(ENT_PRV, ENT_MOD) AS admitted_from,
    CASE WHEN SOR_DES IS NOT NULL THEN 'MS_PRV_V_SOR' WHEN SOR_MOD IS NOT NULL THEN 'MS_SOR_V' END
        AS discharged_to_list,
    coalesce(SOR_DES, SOR_MOD) AS discharged_to,
    coalesce(SOR_MOD = '9', FALSE) AS died,
    sex,
    CAST(CASE
        WHEN age_years IS NOT NULL THEN year(entry) - age_years
        WHEN age_days IS NOT NULL THEN year(entry - CAST(age_days AS INT))
    END AS BIGINT) AS birth_year,
    CASE
        WHEN sent_twice THEN 'duplicate_transmission'
        WHEN stay_rule IN ('inter_hospital_act', 'grouping_error') THEN stay_rule
        WHEN returned THEN 'return_code'
        WHEN pseudonym IS NULL OR trim(pseudonym) = ''
            OR (length(pseudonym) BETWEEN 16 AND 18 AND replace(substr(pseudonym, 1, 16), 'X', '') = '')
            OR (length(pseudonym) = 17 AND substr(pseudonym, 2) = 'XXXXXXXXXXXXXXXX')
            THEN 'dummy_identifier'
        WHEN stay_rule IS NOT NULL THEN stay_rule
        WHEN entry IS NULL THEN 'no_care_date'
    END AS rule
FROM told
