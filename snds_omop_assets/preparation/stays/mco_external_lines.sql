-- stays/mco external lines: one row per row of the tables that say the day of external care itself. A consultation is a
-- visit and no event of its own: invoices and fees say the visit again.

SELECT
    'T_MCO_CSTC' AS source_table,
    ETA_NUM AS hospital,
    SEQ_NUM AS number,
    CAST(NULL AS STRING) AS passage,
    'visit' AS first_rule,
    'same_visit' AS then_rule
FROM T_MCO_CSTC
UNION ALL
SELECT 'T_MCO_FASTC', ETA_NUM, SEQ_NUM, NULL, 'same_visit', 'same_visit' FROM T_MCO_FASTC
UNION ALL
SELECT 'T_MCO_FBSTC', ETA_NUM, SEQ_NUM, NULL, 'same_visit', 'same_visit' FROM T_MCO_FBSTC
UNION ALL
SELECT 'T_MCO_FCSTC', ETA_NUM, SEQ_NUM, NULL, 'same_visit', 'same_visit' FROM T_MCO_FCSTC
