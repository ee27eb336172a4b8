-- stays/rip diagnoses: one row per diagnosis of a row, in its sequence.

SELECT
    'T_RIP_RSA' AS source_table,
    ETA_NUM_EPMSI AS hospital,
    RIP_NUM AS number,
    SEQ_SEQ_NUM AS passage,
    FALSE AS counted,
    'DP' AS status,
    'main' AS role,
    0 AS place_of_table,
    DGN_PAL AS code
FROM T_RIP_RSA
UNION ALL
SELECT 'T_RIP_RSAD', ETA_NUM_EPMSI, RIP_NUM, SEQ_SEQ_NUM, TRUE, 'DAS', 'associated', 1, ASS_DGN FROM T_RIP_RSAD
