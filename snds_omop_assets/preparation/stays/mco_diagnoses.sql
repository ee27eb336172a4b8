-- stays/mco diagnoses: one row per diagnosis of a row. Those of B and UM stand beside what makes visit and passage.

SELECT
    'T_MCO_B' AS source_table,
    ETA_NUM AS hospital,
    RSA_NUM AS number,
    CAST(NULL AS STRING) AS passage,
    FALSE AS counted,
    'DP' AS status,
    'main' AS role,
    0 AS place_of_table,
    DGN_PAL AS code
FROM T_MCO_B
UNION ALL
SELECT 'T_MCO_UM', ETA_NUM, RSA_NUM, UM_ORD_NUM, FALSE, 'DP', 'main', 1, DGN_PAL FROM T_MCO_UM
UNION ALL
SELECT 'T_MCO_B', ETA_NUM, RSA_NUM, NULL, FALSE, 'DR', 'related', 0, DGN_REL FROM T_MCO_B
UNION ALL
SELECT 'T_MCO_UM', ETA_NUM, RSA_NUM, UM_ORD_NUM, FALSE, 'DR', 'related', 1, DGN_REL FROM T_MCO_UM
UNION ALL
SELECT 'T_MCO_D', ETA_NUM, RSA_NUM, NULL, TRUE, 'DAS', 'associated', 2, ASS_DGN FROM T_MCO_D
