-- stays/ssr acts: one row per row of CCAM acts, in its week. Days count from the entry in the unit (label of
-- CCAM_DEL_ENT_UM).

SELECT
    'T_SSR_CCAM' AS source_table,
    ETA_NUM AS hospital,
    RHA_NUM AS number,
    RHS_NUM AS passage,
    TRUE AS of_passage,
    CCAM_ACT AS code,
    CCAM_DEL_ENT_UM AS delay,
    CAST(CCAM_NBR_REA AS DOUBLE) AS quantity,
    TRY_CAST(CCAM_COD_ACT AS INT) AS activity,
    TRY_CAST(CCAM_PHA_ACT AS INT) AS phase
FROM T_SSR_CCAM
