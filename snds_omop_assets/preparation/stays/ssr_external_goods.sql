-- stays/ssr external goods: one row per row of drugs (UCD), devices (LPP), laboratory acts (NABM); days count from
-- the day of care.

SELECT
    'T_SSR_FHSTC' AS source_table,
    ETA_NUM AS hospital,
    SEQ_NUM AS number,
    CAST(NULL AS STRING) AS passage,
    FALSE AS of_passage,
    TRUE AS counted,
    'UCD' AS nomenclature,
    UCD_UCD_COD AS code,
    DEL_DAT_ENT AS delay,
    QUA_COD AS quantity
FROM T_SSR_FHSTC
UNION ALL
SELECT 'T_SSR_FPSTC', ETA_NUM, SEQ_NUM, NULL, FALSE, TRUE, 'LPP', coalesce(LPP_COD, TIP_PRS_IDE), DEL_DAT_ENT,
    LPP_QUA
FROM T_SSR_FPSTC
UNION ALL
SELECT 'T_SSR_FLSTC', ETA_NUM, SEQ_NUM, NULL, FALSE, TRUE, 'NABM', NABM_COD, DEL_DAT_ENT, CAST(ACT_NBR AS DOUBLE)
FROM T_SSR_FLSTC
