-- stays/had acts: one row per row of CCAM acts, in its sub-sequence ({passage}), from whose first day the days count.

SELECT
    'T_HAD_A' AS source_table,
    ETA_NUM_EPMSI AS hospital,
    RHAD_NUM AS number,
    {passage} AS passage,
    TRUE AS of_passage,
    CCAM_COD AS code,
    DEL_DEB_SSEQ AS delay,
    CAST(REAL_NBR AS DOUBLE) AS quantity,
    TRY_CAST(ACT_COD AS INT) AS activity,
    TRY_CAST(PHA_COD AS INT) AS phase
FROM T_HAD_A
