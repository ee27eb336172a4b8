-- stays/mco acts: one row per row of CCAM acts. Days count from the entry; RUM_SEQ, where given, says in which unit.
-- The acts of invoices of private hospitals (T_MCO_FM) are these again, and are not read.

SELECT
    'T_MCO_A' AS source_table,
    ETA_NUM AS hospital,
    RSA_NUM AS number,
    RUM_SEQ AS passage,
    FALSE AS of_passage,
    CDC_ACT AS code,
    ENT_DAT_DEL AS delay,
    CAST(NBR_EXE_ACT AS DOUBLE) AS quantity,
    TRY_CAST(ACV_ACT AS INT) AS activity,
    TRY_CAST(PHA_ACT AS INT) AS phase
FROM T_MCO_A
