-- stays/ssr diagnoses: one row per diagnosis of a row, in its week. The purpose of the stay (FP_PEC) is the main one;
-- the disease (MOR_PRP) and its cause (ETL_AFF) are related to it. ASS_DGN_1 to 20 are those of older years, in the
-- week's row.

SELECT
    'T_SSR_B' AS source_table,
    ETA_NUM AS hospital,
    RHA_NUM AS number,
    RHS_NUM AS passage,
    FALSE AS counted,
    'FPP' AS status,
    'main' AS role,
    0 AS place_of_table,
    FP_PEC AS code
FROM T_SSR_B
UNION ALL
SELECT 'T_SSR_B', ETA_NUM, RHA_NUM, RHS_NUM, FALSE, 'MMP', 'related', 0, MOR_PRP FROM T_SSR_B
UNION ALL
SELECT 'T_SSR_B', ETA_NUM, RHA_NUM, RHS_NUM, FALSE, 'AE', 'related', 1, ETL_AFF FROM T_SSR_B
UNION ALL
SELECT 'T_SSR_D', ETA_NUM, RHA_NUM, RHS_NUM, TRUE, 'DAS', 'associated', 2, DGN_COD FROM T_SSR_D
UNION ALL
SELECT 'T_SSR_B', ETA_NUM, RHA_NUM, RHS_NUM, FALSE, 'DAS', 'associated', 0, code
FROM (
    SELECT
        b.ETA_NUM,
        b.RHA_NUM,
        b.RHS_NUM,
        CASE n.place
            WHEN 1 THEN b.ASS_DGN_1
            WHEN 2 THEN b.ASS_DGN_2
            WHEN 3 THEN b.ASS_DGN_3
            WHEN 4 THEN b.ASS_DGN_4
            WHEN 5 THEN b.ASS_DGN_5
            WHEN 6 THEN b.ASS_DGN_6
            WHEN 7 THEN b.ASS_DGN_7
            WHEN 8 THEN b.ASS_DGN_8
            WHEN 9 THEN b.ASS_DGN_9
            WHEN 10 THEN b.ASS_DGN_10
            WHEN 11 THEN b.ASS_DGN_11
            WHEN 12 THEN b.ASS_DGN_12
            WHEN 13 THEN b.ASS_DGN_13
            WHEN 14 THEN b.ASS_DGN_14
            WHEN 15 THEN b.ASS_DGN_15
            WHEN 16 THEN b.ASS_DGN_16
            WHEN 17 THEN b.ASS_DGN_17
            WHEN 18 THEN b.ASS_DGN_18
            WHEN 19 THEN b.ASS_DGN_19
            WHEN 20 THEN b.ASS_DGN_20
        END AS code
    FROM T_SSR_B b
    CROSS JOIN (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15), (16), (17),
        (18), (19), (20)) AS n(place)
) older
WHERE code <> ''
