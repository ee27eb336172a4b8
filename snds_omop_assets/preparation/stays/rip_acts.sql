-- stays/rip acts: one row per row of CCAM acts. Their table does not say of which sequence: days count from the first.

SELECT
    'T_RIP_CCAM' AS source_table,
    ETA_NUM_EPMSI AS hospital,
    RIP_NUM AS number,
    CAST(NULL AS STRING) AS passage,
    FALSE AS of_passage,
    CDC_ACT AS code,
    ENT_DAT_DEL AS delay,
    CAST(NBR_EXE_ACT AS DOUBLE) AS quantity,
    TRY_CAST(ACV_ACT AS INT) AS activity,
    TRY_CAST(PHA_ACT AS INT) AS phase
FROM T_RIP_CCAM
