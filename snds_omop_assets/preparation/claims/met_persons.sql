-- Who is met in a month of flow: rows are identifiers, with what the lines say of them, by year of care.
-- Care after the flow that brings it is an error of its date: it tells no day of anybody.
SELECT
    BEN_NIR_PSA, BEN_RNG_GEM, BEN_CDI_NIR, BEN_SEX_COD, BEN_NAI_ANN, BEN_RES_DPT, BEN_RES_COM, ORG_AFF_BEN, BEN_CMU_TOP,
    year(EXE_SOI_DTD) AS care_year,
    max(BEN_DCD_DTE) AS death_date,
    min(EXE_SOI_DTD) AS first_day,
    max(EXE_SOI_DTD) AS last_day
FROM ER_PRS_F
CROSS JOIN claim_flow
WHERE BEN_NIR_PSA IS NOT NULL AND EXE_SOI_DTD IS NOT NULL AND (last_day IS NULL OR EXE_SOI_DTD <= last_day)
GROUP BY BEN_NIR_PSA, BEN_RNG_GEM, BEN_CDI_NIR, BEN_SEX_COD, BEN_NAI_ANN, BEN_RES_DPT, BEN_RES_COM, ORG_AFF_BEN,
    BEN_CMU_TOP, year(EXE_SOI_DTD)
