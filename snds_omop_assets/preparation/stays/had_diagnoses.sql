-- stays/had diagnoses: one row per diagnosis of a row, in its sub-sequence: the main one, associated ones, those of the
-- main (MPP) and of the associated mode of care (MPA). DGN_PAL1 to 7 are those of 2012 and 2013.

SELECT
    'T_HAD_B' AS source_table,
    ETA_NUM_EPMSI AS hospital,
    RHAD_NUM AS number,
    concat_ws(' ', coalesce(SEQ_NUM, ''), coalesce(SSEQ_NUM, '')) AS passage,
    FALSE AS counted,
    'DP' AS status,
    'main' AS role,
    0 AS place_of_table,
    DGN_PAL AS code
FROM T_HAD_B
UNION ALL
SELECT 'T_HAD_D', ETA_NUM_EPMSI, RHAD_NUM, concat_ws(' ', coalesce(SEQ_NUM, ''), coalesce(SSEQ_NUM, '')), TRUE, 'DAS',
    'associated', 1, DGN_ASS
FROM T_HAD_D
UNION ALL
SELECT 'T_HAD_DMPP', ETA_NUM_EPMSI, RHAD_NUM, concat_ws(' ', coalesce(SEQ_NUM, ''), coalesce(SSEQ_NUM, '')), TRUE,
    'MPP', 'associated', 2, DGN_ASS_MPP
FROM T_HAD_DMPP
UNION ALL
SELECT 'T_HAD_DMPA', ETA_NUM_EPMSI, RHAD_NUM, concat_ws(' ', coalesce(SEQ_NUM, ''), coalesce(SSEQ_NUM, '')), TRUE,
    'MPA', 'associated', 3, DGN_ASS_MPA
FROM T_HAD_DMPA
UNION ALL
SELECT 'T_HAD_B', ETA_NUM_EPMSI, RHAD_NUM, concat_ws(' ', coalesce(SEQ_NUM, ''), coalesce(SSEQ_NUM, '')), FALSE, 'DP',
    'main', 0, DGN_PAL1
FROM T_HAD_B
WHERE DGN_PAL1 <> ''
UNION ALL
SELECT 'T_HAD_B', ETA_NUM_EPMSI, RHAD_NUM, concat_ws(' ', coalesce(SEQ_NUM, ''), coalesce(SSEQ_NUM, '')), FALSE, 'DP',
    'main', 0, DGN_PAL2
FROM T_HAD_B
WHERE DGN_PAL2 <> ''
UNION ALL
SELECT 'T_HAD_B', ETA_NUM_EPMSI, RHAD_NUM, concat_ws(' ', coalesce(SEQ_NUM, ''), coalesce(SSEQ_NUM, '')), FALSE, 'DP',
    'main', 0, DGN_PAL3
FROM T_HAD_B
WHERE DGN_PAL3 <> ''
UNION ALL
SELECT 'T_HAD_B', ETA_NUM_EPMSI, RHAD_NUM, concat_ws(' ', coalesce(SEQ_NUM, ''), coalesce(SSEQ_NUM, '')), FALSE, 'DP',
    'main', 0, DGN_PAL4
FROM T_HAD_B
WHERE DGN_PAL4 <> ''
UNION ALL
SELECT 'T_HAD_B', ETA_NUM_EPMSI, RHAD_NUM, concat_ws(' ', coalesce(SEQ_NUM, ''), coalesce(SSEQ_NUM, '')), FALSE, 'DP',
    'main', 0, DGN_PAL5
FROM T_HAD_B
WHERE DGN_PAL5 <> ''
UNION ALL
SELECT 'T_HAD_B', ETA_NUM_EPMSI, RHAD_NUM, concat_ws(' ', coalesce(SEQ_NUM, ''), coalesce(SSEQ_NUM, '')), FALSE, 'DP',
    'main', 0, DGN_PAL6
FROM T_HAD_B
WHERE DGN_PAL6 <> ''
UNION ALL
SELECT 'T_HAD_B', ETA_NUM_EPMSI, RHAD_NUM, concat_ws(' ', coalesce(SEQ_NUM, ''), coalesce(SSEQ_NUM, '')), FALSE, 'DP',
    'main', 0, DGN_PAL7
FROM T_HAD_B
WHERE DGN_PAL7 <> ''
