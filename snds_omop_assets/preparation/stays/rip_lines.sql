-- stays/rip lines: one row per row of the tables that say the stay itself. The first year's patient and the first
-- sequence make the visit; the others say it again.

SELECT
    'T_RIP_C' AS source_table,
    ETA_NUM_EPMSI AS hospital,
    RIP_NUM AS number,
    CAST(NULL AS STRING) AS passage,
    'visit' AS first_rule,
    'same_visit' AS then_rule
FROM T_RIP_C
UNION ALL
SELECT 'T_RIP_RSA', ETA_NUM_EPMSI, RIP_NUM, SEQ_SEQ_NUM, 'visit', 'same_visit' FROM T_RIP_RSA
