-- stays/rip acts: one row per row of CCAM acts. Days count from their sequence, which their table names since 2019 (HDH
-- pmsi_psy), else from the first one.

SELECT
    'T_RIP_CCAM' AS source_table,
    ETA_NUM_EPMSI AS hospital,
    RIP_NUM AS number,
    SEQ_SEQ_NUM AS passage,
    TRUE AS of_passage,
    CDC_ACT AS code,
    ENT_DAT_DEL AS delay,
    CAST(NBR_EXE_ACT AS DOUBLE) AS quantity,
    TRY_CAST(ACV_ACT AS INT) AS activity,
    TRY_CAST(PHA_ACT AS INT) AS phase
FROM T_RIP_CCAM
