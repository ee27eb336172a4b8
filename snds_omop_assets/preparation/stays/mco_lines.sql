-- stays/mco lines: one row per row of the tables that say the stay itself. The patient's row makes the visit.

SELECT
    'T_MCO_C' AS source_table,
    ETA_NUM AS hospital,
    RSA_NUM AS number,
    CAST(NULL AS STRING) AS passage,
    'visit' AS first_rule,
    'same_visit' AS then_rule
FROM T_MCO_C
UNION ALL
SELECT 'T_MCO_B', ETA_NUM, RSA_NUM, NULL, 'visit', 'same_visit' FROM T_MCO_B
UNION ALL
SELECT 'T_MCO_UM', ETA_NUM, RSA_NUM, NULL, 'visit_detail', 'visit_detail' FROM T_MCO_UM
