-- stays/rip goods: one row per row of drugs (UCD), devices (LPP) and laboratory acts (NABM) of the invoices of private
-- hospitals.

SELECT
    'T_RIP_FH' AS source_table,
    ETA_NUM_EPMSI AS hospital,
    RIP_NUM AS number,
    CAST(NULL AS STRING) AS passage,
    FALSE AS of_passage,
    TRUE AS counted,
    'UCD' AS nomenclature,
    coalesce(UCD_UCD_COD, COD_UCD) AS code,
    DEL_DAT_ENT AS delay,
    QUA_COD AS quantity
FROM T_RIP_FH
UNION ALL
SELECT 'T_RIP_FP', ETA_NUM_EPMSI, RIP_NUM, NULL, FALSE, TRUE, 'LPP', coalesce(LPP_COD, TIP_PRS_IDE), DEL_DAT_ENT,
    LPP_QUA
FROM T_RIP_FP
UNION ALL
SELECT 'T_RIP_FL', ETA_NUM_EPMSI, RIP_NUM, NULL, FALSE, TRUE, 'NABM', NABM_COD, DEL_DAT_ENT, CAST(ACT_NBR AS DOUBLE)
FROM T_RIP_FL
