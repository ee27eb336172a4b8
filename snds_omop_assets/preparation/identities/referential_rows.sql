-- A row is a row of IR_BEN_R or of IR_BEN_R_ARC, with the identifier (pseudo-NIR and rank) that it tells of.
-- Rules: fictitious  a NIR of BEN_CDI_NIR 01 and others is nobody's (HDH fiche_beneficiaire)
--        dummy       a pseudonym that is a row of x or X stands for "none" (HDH essentiel_snds)
-- Such a row makes no person and links nothing.

WITH delivered AS (
    SELECT 'IR_BEN_R' AS source, BEN_NIR_PSA, BEN_NIR_PSA_DELIVERED, BEN_RNG_GEM, BEN_NIR_ANO, BEN_IDT_ANO, BEN_IDT_TOP,
           BEN_CDI_NIR, BEN_SEX_COD, BEN_SEX_COD_DELIVERED, BEN_NAI_ANN, BEN_NAI_MOI, BEN_RES_DPT, BEN_RES_COM,
           ORG_AFF_BEN, BEN_DCD_DTE, BEN_DCD_AME, MAX_TRT_DTD, BEN_DTE_MAJ, source_file, source_line
    FROM IR_BEN_R
    UNION ALL
    SELECT 'IR_BEN_R_ARC', BEN_NIR_PSA, BEN_NIR_PSA_DELIVERED, BEN_RNG_GEM, BEN_NIR_ANO, BEN_IDT_ANO, BEN_IDT_TOP,
           BEN_CDI_NIR, BEN_SEX_COD, BEN_SEX_COD_DELIVERED, BEN_NAI_ANN, BEN_NAI_MOI, BEN_RES_DPT, BEN_RES_COM,
           ORG_AFF_BEN, BEN_DCD_DTE, BEN_DCD_AME, MAX_TRT_DTD, BEN_DTE_MAJ, source_file, source_line
    FROM IR_BEN_R_ARC
)

SELECT
    -- No rank has a slash, so no two identifiers are written alike.
    BEN_NIR_PSA || '/' || coalesce(BEN_RNG_GEM, '') AS identifier,
    source,
    BEN_NIR_PSA,
    BEN_RNG_GEM,
    BEN_NIR_PSA || coalesce(BEN_RNG_GEM, '') AS own_key,
    BEN_NIR_PSA_DELIVERED || coalesce(BEN_RNG_GEM, '') AS own_key_delivered,
    CASE
        WHEN length(BEN_NIR_ANO) >= 16 AND length(replace(upper(BEN_NIR_ANO), 'X', '')) <= 1 THEN NULL
        ELSE BEN_NIR_ANO
    END AS BEN_NIR_ANO,
    CASE
        WHEN length(BEN_IDT_ANO) >= 16 AND length(replace(upper(BEN_IDT_ANO), 'X', '')) <= 1 THEN NULL
        ELSE BEN_IDT_ANO
    END AS BEN_IDT_ANO,
    -- BEN_IDT_ANO is the person's own NIR (BEN_IDT_TOP 1) or only says the identifier again.
    coalesce(BEN_IDT_TOP = '1', BEN_IDT_ANO <> BEN_NIR_PSA || coalesce(BEN_RNG_GEM, '')) AS for_life,
    CASE
        WHEN BEN_CDI_NIR IN ('01', '05', '06', '08', '09', '11', '12', '13', '14', '15') THEN 'fictitious_identifier'
        WHEN length(BEN_NIR_PSA) >= 16 AND length(replace(upper(BEN_NIR_PSA), 'X', '')) <= 1 THEN 'dummy_identifier'
    END AS rule,
    BEN_SEX_COD, BEN_SEX_COD_DELIVERED, BEN_NAI_ANN, BEN_NAI_MOI, BEN_RES_DPT, BEN_RES_COM, ORG_AFF_BEN, BEN_DCD_DTE,
    BEN_DCD_AME, MAX_TRT_DTD, BEN_DTE_MAJ, source_file, source_line
FROM delivered
