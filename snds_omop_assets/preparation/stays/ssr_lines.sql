-- stays/ssr lines: one row per row of the tables that say the stay itself. The first year's patient and the first week
-- make the visit; the other weeks are passages of it.

SELECT
    'T_SSR_C' AS source_table,
    ETA_NUM AS hospital,
    RHA_NUM AS number,
    CAST(NULL AS STRING) AS passage,
    'visit' AS first_rule,
    'same_visit' AS then_rule
FROM T_SSR_C
UNION ALL
SELECT 'T_SSR_B', ETA_NUM, RHA_NUM, RHS_NUM, 'visit', 'visit_detail' FROM T_SSR_B
