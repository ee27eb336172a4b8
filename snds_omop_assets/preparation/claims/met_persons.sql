-- Who is met in a year of flow (MET_PERSONS): one row per identifier, affiliation, year of care, and whether C2S pays
-- (BEN_CMU_TOP 1). Where lines differ, the latest counts.
-- Care after the flow that brings it is an error of its date: it tells no day of anybody.
WITH states AS (
    SELECT
        BEN_NIR_PSA, BEN_RNG_GEM, BEN_CDI_NIR, BEN_SEX_COD, BEN_NAI_ANN, BEN_RES_DPT, BEN_RES_COM, ORG_AFF_BEN,
        BEN_CMU_TOP,
        coalesce(BEN_CMU_TOP = '1', FALSE) AS c2s,
        year(EXE_SOI_DTD) AS care_year,
        max(BEN_DCD_DTE) AS death_date,
        max(BEN_DCD_AME) AS death_month,
        min(EXE_SOI_DTD) AS first_day,
        max(EXE_SOI_DTD) AS last_day
    FROM ER_PRS_F
    CROSS JOIN claim_flow
    WHERE BEN_NIR_PSA IS NOT NULL AND EXE_SOI_DTD IS NOT NULL 
        AND NOT coalesce(year(EXE_SOI_DTD) > greatest(flow_year, year(FLX_DIS_DTD)), FALSE)
    GROUP BY BEN_NIR_PSA, BEN_RNG_GEM, BEN_CDI_NIR, BEN_SEX_COD, BEN_NAI_ANN, BEN_RES_DPT, BEN_RES_COM, ORG_AFF_BEN,
        BEN_CMU_TOP, year(EXE_SOI_DTD)
)

SELECT
    BEN_NIR_PSA, BEN_RNG_GEM, 'ER_PRS_F' AS source, BEN_CDI_NIR, BEN_SEX_COD, birth_year, BEN_RES_DPT, BEN_RES_COM,
    ORG_AFF_BEN, BEN_CMU_TOP, death_date, death_month, first_day, last_day
FROM (
    SELECT
        BEN_NIR_PSA, BEN_RNG_GEM, BEN_CDI_NIR, BEN_SEX_COD, BEN_NAI_ANN AS birth_year, BEN_RES_DPT, BEN_RES_COM,
        ORG_AFF_BEN, BEN_CMU_TOP,
        max(death_date) OVER (PARTITION BY BEN_NIR_PSA, BEN_RNG_GEM, ORG_AFF_BEN, care_year, c2s) AS death_date,
        max(death_month) OVER (PARTITION BY BEN_NIR_PSA, BEN_RNG_GEM, ORG_AFF_BEN, care_year, c2s) AS death_month,
        min(first_day) OVER (PARTITION BY BEN_NIR_PSA, BEN_RNG_GEM, ORG_AFF_BEN, care_year, c2s) AS first_day,
        max(last_day) OVER (PARTITION BY BEN_NIR_PSA, BEN_RNG_GEM, ORG_AFF_BEN, care_year, c2s) AS last_day,
        row_number() OVER (
            PARTITION BY BEN_NIR_PSA, BEN_RNG_GEM, ORG_AFF_BEN, care_year, c2s
            ORDER BY last_day DESC, BEN_NAI_ANN NULLS LAST, BEN_SEX_COD NULLS LAST, BEN_RES_DPT NULLS LAST,
                BEN_RES_COM NULLS LAST, BEN_CDI_NIR NULLS LAST, BEN_CMU_TOP NULLS LAST
        ) AS place
    FROM states
) AS placed
WHERE place = 1
