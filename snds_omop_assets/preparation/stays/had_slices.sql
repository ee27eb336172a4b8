-- stays/had slices: one row per sub-sequence of a stay at home (T_HAD_B), which {passage} names.
-- It begins SEQ_SEJ_NBJ + SSEQ_SEQ_NBJ days after the entry; where these are not given, after the days of those
-- before it.
-- A sub-sequence of group 99 is an error (HDH Synthese_Filtres).

WITH wrong AS (
    SELECT DISTINCT ETA_NUM_EPMSI, RHAD_NUM, SEQ_NUM AS seq, SSEQ_NUM AS sseq FROM T_HAD_GRP WHERE GHT_NUM = '99'
),
ordered AS (
    SELECT
        b.ETA_NUM_EPMSI AS hospital,
        b.RHAD_NUM AS number,
        {passage} AS passage,
        {entry} AS entry,
        coalesce(b.SSEQ_NBJ, 0) AS days,
        b.SEQ_SEJ_NBJ + b.SSEQ_SEQ_NBJ AS days_before,
        CASE WHEN w.RHAD_NUM IS NOT NULL THEN 'grouping_error' END AS rule,
        row_number() OVER (
            PARTITION BY b.ETA_NUM_EPMSI, b.RHAD_NUM
            ORDER BY TRY_CAST(b.SEQ_NUM AS INT) NULLS LAST, TRY_CAST(b.SSEQ_NUM AS INT) NULLS LAST
        ) AS place
    FROM T_HAD_B b
    JOIN T_HAD_C c ON c.ETA_NUM_EPMSI = b.ETA_NUM_EPMSI AND c.RHAD_NUM = b.RHAD_NUM
    LEFT JOIN wrong w
        ON w.ETA_NUM_EPMSI = b.ETA_NUM_EPMSI AND w.RHAD_NUM = b.RHAD_NUM
        AND w.seq IS NOT DISTINCT FROM b.SEQ_NUM AND w.sseq IS NOT DISTINCT FROM b.SSEQ_NUM
),
dated AS (
    SELECT
        *,
        entry + CAST(coalesce(
            days_before, sum(days) OVER (PARTITION BY hospital, number ORDER BY place) - days
        ) AS INT) AS first_day
    FROM ordered
)
SELECT
    hospital,
    number,
    passage,
    CAST(place AS INT) AS place,
    first_day AS origin,
    first_day,
    first_day + CAST(greatest(days - 1, 0) AS INT) AS last_day,
    first_day + CAST(greatest(days - 1, 0) AS INT) AS until_day,
    CAST(NULL AS STRING) AS site,
    CAST(NULL AS STRING) AS unit_type,
    CAST(NULL AS STRING) AS unit_type_list,
    rule
FROM dated
