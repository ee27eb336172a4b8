-- stays/external lines: one row per row of the tables that say the day of external care itself. A consultation is a
-- visit and no event of its own: invoices and fees say the visit again. {field} is MCO or SSR.

SELECT
    'T_{field}_CSTC' AS source_table,
    ETA_NUM AS hospital,
    SEQ_NUM AS number,
    CAST(NULL AS STRING) AS passage,
    'visit' AS first_rule,
    'same_visit' AS then_rule
FROM T_{field}_CSTC
UNION ALL
SELECT 'T_{field}_FASTC', ETA_NUM, SEQ_NUM, NULL, 'same_visit', 'same_visit' FROM T_{field}_FASTC
UNION ALL
SELECT 'T_{field}_FBSTC', ETA_NUM, SEQ_NUM, NULL, 'same_visit', 'same_visit' FROM T_{field}_FBSTC
UNION ALL
SELECT 'T_{field}_FCSTC', ETA_NUM, SEQ_NUM, NULL, 'same_visit', 'same_visit' FROM T_{field}_FCSTC
