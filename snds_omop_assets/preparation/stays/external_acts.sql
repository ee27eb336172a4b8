-- stays/external acts: one row per row of CCAM acts; days count from the day of care.
-- {field} is MCO or SSR.

SELECT
    'T_{field}_FMSTC' AS source_table,
    ETA_NUM AS hospital,
    SEQ_NUM AS number,
    CAST(NULL AS STRING) AS passage,
    FALSE AS of_passage,
    CCAM_COD AS code,
    DEL_DAT_ENT AS delay,
    CAST(1 AS DOUBLE) AS quantity,
    TRY_CAST(ACV_ACT AS INT) AS activity,
    TRY_CAST(PHA_ACT AS INT) AS phase
FROM T_{field}_FMSTC
