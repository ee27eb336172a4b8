-- stays/mco external goods: one row per row of drugs (UCD), devices (LPP), laboratory acts (NABM); days count from
-- the day of care.

SELECT
    'T_MCO_FHSTC' AS source_table,
    ETA_NUM AS hospital,
    SEQ_NUM AS number,
    CAST(NULL AS STRING) AS passage,
    FALSE AS of_passage,
    TRUE AS counted,
    'UCD' AS nomenclature,
    coalesce(UCD_UCD_COD, UCD_COD) AS code,
    DEL_DAT_ENT AS delay,
    QUA AS quantity
FROM T_MCO_FHSTC
UNION ALL
SELECT 'T_MCO_FPSTC', ETA_NUM, SEQ_NUM, NULL, FALSE, TRUE, 'LPP', coalesce(LPP_COD, TIP_PRS_IDE), DEL_DAT_ENT,
    LPP_QUA
FROM T_MCO_FPSTC
UNION ALL
SELECT 'T_MCO_FLSTC', ETA_NUM, SEQ_NUM, NULL, FALSE, TRUE, 'NABM', NABM_COD, DEL_DAT_ENT, CAST(ACT_NBR AS DOUBLE)
FROM T_MCO_FLSTC
