-- prepared/beneficiaries: IR_BEN_R, one row per person, with the commune of residence rebuilt.
-- Every row of IR_BEN_R comes out with a bucket; the asset keeps the bucket 'kept' and counts the others.
-- Rules: person  HDH fiche_beneficiaire (BEN_IDT_ANO, else BEN_NIR_ANO, else pseudo-NIR and rank)
--        commune HDH fiche localisation_geographique_beneficiaires, with the corrections of docs/architecture.md

WITH delivered AS (
    SELECT
        *,
        COALESCE(BEN_IDT_ANO, BEN_NIR_ANO, BEN_NIR_PSA || COALESCE(BEN_RNG_GEM, '')) AS person_key,
        COALESCE(BEN_IDT_ANO, BEN_NIR_ANO, BEN_NIR_PSA_DELIVERED || COALESCE(BEN_RNG_GEM, '')) AS person_source_value,
        -- Fictitious NIR (contraception of minors, anonymous screening, ...): never a person of its own.
        COALESCE(BEN_CDI_NIR IN ('01', '05', '06', '08', '09', '11', '12', '13', '14', '15'), FALSE) AS fictitious
    FROM ir_ben_r
),

-- 000 and 999 are no communes (099 is one: 33099); 0xx are departments of the mainland, but 000, 098 and
-- 099; 201, 202, 209 and 020 are Corsica, 097 and 97x overseas; what else there is (888, 98x, 99x) is no department.
residence AS (
    SELECT
        *,
        CASE WHEN BEN_RES_COM NOT IN ('000', '999') THEN BEN_RES_COM END AS com,
        BEN_RES_COM IN ('000', '999') AS com_is_unknown,
        CASE
            WHEN BEN_RES_DPT IN ('000', '098', '099') THEN NULL
            WHEN substr(BEN_RES_DPT, 1, 1) = '0' OR substr(BEN_RES_DPT, 1, 2) = '97' THEN BEN_RES_DPT
            WHEN BEN_RES_DPT IN ('201', '202', '209') THEN BEN_RES_DPT
        END AS dpt,
        CASE
            WHEN substr(ORG_AFF_BEN, 4, 2) IN ('97', '20') THEN substr(ORG_AFF_BEN, 4, 3)
            ELSE substr(ORG_AFF_BEN, 4, 2)
        END AS organism_department
    FROM delivered
),

-- The SNDS writes Corsica as 20xxx, whatever the department code: 020, 201, 202 or 209.
written AS (
    SELECT
        *,
        CASE
            WHEN dpt IN ('020', '201', '202', '209') THEN '20' || com
            WHEN substr(dpt, 1, 2) = '97' AND substr(ORG_AFF_BEN, 1, 3) = '03A' THEN dpt || substr(com, 2, 2)
            WHEN substr(dpt, 1, 2) = '97' THEN '97' || com
            ELSE substr(dpt, 2, 2) || com
        END AS snds_commune,
        CASE
            WHEN dpt IN ('020', '097', '209', '979') THEN NULL  -- Corsica or overseas, not said which
            WHEN dpt = '201' THEN '2A'
            WHEN dpt = '202' THEN '2B'
            WHEN substr(dpt, 1, 2) = '97' THEN dpt
            ELSE substr(dpt, 2, 2)
        END AS residence_department,
        CASE organism_department WHEN '201' THEN '2A' WHEN '202' THEN '2B' ELSE organism_department END
            AS affiliation_department
    FROM residence
),

restored AS (
    SELECT
        w.*,
        CASE WHEN substr(w.snds_commune, 1, 2) = '20' THEN c.department || substr(w.snds_commune, 3, 3)
             ELSE w.snds_commune END AS insee_commune
    FROM written w
    LEFT JOIN corsica c ON substr(w.snds_commune, 1, 2) = '20' AND c.commune = substr(w.snds_commune, 3, 3)
),

located AS (
    SELECT
        r.*,
        of_commune.department AS commune_department,
        -- Where the commune is said to be unknown, the organism of affiliation is asked first (HDH correction);
        -- where it was only not delivered, the department of residence stands.
        CASE WHEN r.com_is_unknown THEN COALESCE(of_affiliation.department, of_residence.department)
             ELSE COALESCE(of_residence.department, of_affiliation.department) END AS known_department
    FROM restored r
    LEFT JOIN departments of_commune
        ON of_commune.department = CASE WHEN substr(r.insee_commune, 1, 2) = '97' THEN substr(r.insee_commune, 1, 3)
                                        ELSE substr(r.insee_commune, 1, 2) END
    LEFT JOIN departments of_residence ON of_residence.department = r.residence_department
    LEFT JOIN departments of_affiliation ON of_affiliation.department = r.affiliation_department
),

-- The latest state of a person: last treatment, then last update; the rest makes ties fall the same way every time.
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY person_key, fictitious
            -- PERSON must have a year of birth: a state that has one comes first.
            ORDER BY BEN_NAI_ANN IS NULL, MAX_TRT_DTD DESC NULLS LAST, BEN_DTE_MAJ DESC NULLS LAST, source_file, source_line
        ) AS state
    FROM located
)

SELECT
    CASE
        WHEN fictitious THEN 'fictitious NIR'
        WHEN state > 1 THEN 'older state of a person'
        WHEN BEN_NAI_ANN IS NULL THEN 'no usable year of birth'
        ELSE 'kept'
    END AS bucket,
    person_key,
    person_source_value,
    BEN_NIR_PSA,
    BEN_SEX_COD,
    BEN_SEX_COD_DELIVERED,
    BEN_NAI_ANN,
    BEN_NAI_MOI,
    CASE WHEN commune_department IS NOT NULL THEN insee_commune END AS commune,
    COALESCE(commune_department, known_department) AS department
FROM ranked
