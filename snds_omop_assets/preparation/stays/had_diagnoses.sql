-- stays/had diagnoses: one row per diagnosis of a row, in its sub-sequence ({passage}): the main one, associated ones,
-- those of the main (MPP) and of the associated mode of care (MPA). DGN_PAL1 to 7 are associated ones until
-- 2010 (labels of the CNAM's dictionary).

SELECT
    'T_HAD_B' AS source_table,
    ETA_NUM_EPMSI AS hospital,
    RHAD_NUM AS number,
    {passage} AS passage,
    FALSE AS counted,
    'DP' AS status,
    'main' AS role,
    0 AS place_of_table,
    DGN_PAL AS code
FROM T_HAD_B
UNION ALL
SELECT 'T_HAD_D', ETA_NUM_EPMSI, RHAD_NUM, {passage}, TRUE, 'DAS', 'associated', 1, DGN_ASS FROM T_HAD_D
UNION ALL
SELECT 'T_HAD_DMPP', ETA_NUM_EPMSI, RHAD_NUM, {passage}, TRUE, 'MPP', 'associated', 2, DGN_ASS_MPP FROM T_HAD_DMPP
UNION ALL
SELECT 'T_HAD_DMPA', ETA_NUM_EPMSI, RHAD_NUM, {passage}, TRUE, 'MPA', 'associated', 3, DGN_ASS_MPA FROM T_HAD_DMPA
UNION ALL
SELECT 'T_HAD_B', ETA_NUM_EPMSI, RHAD_NUM, {passage}, FALSE, 'DAS', 'associated', 0, code
FROM (
    SELECT
        b.ETA_NUM_EPMSI,
        b.RHAD_NUM,
        b.SEQ_NUM,
        b.SSEQ_NUM,
        CASE n.place
            WHEN 1 THEN b.DGN_PAL1
            WHEN 2 THEN b.DGN_PAL2
            WHEN 3 THEN b.DGN_PAL3
            WHEN 4 THEN b.DGN_PAL4
            WHEN 5 THEN b.DGN_PAL5
            WHEN 6 THEN b.DGN_PAL6
            WHEN 7 THEN b.DGN_PAL7
        END AS code
    FROM T_HAD_B b
    CROSS JOIN (VALUES (1), (2), (3), (4), (5), (6), (7)) AS n(place)
) older
WHERE code <> ''
