-- stays/had lines: one row per row of the tables that say the stay itself. The first year's patient and the first
-- sub-sequence make the visit; the other rows, and the groups, say it again. {passage} names the sub-sequence.

SELECT
    'T_HAD_C' AS source_table,
    ETA_NUM_EPMSI AS hospital,
    RHAD_NUM AS number,
    CAST(NULL AS STRING) AS passage,
    'visit' AS first_rule,
    'same_visit' AS then_rule
FROM T_HAD_C
UNION ALL
SELECT 'T_HAD_B', ETA_NUM_EPMSI, RHAD_NUM, {passage}, 'visit', 'same_visit' FROM T_HAD_B
UNION ALL
SELECT 'T_HAD_GRP', ETA_NUM_EPMSI, RHAD_NUM, {passage}, 'same_visit', 'same_visit' FROM T_HAD_GRP
