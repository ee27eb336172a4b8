-- stays/had found: one row per stay at home in the file of a year (T_HAD_C), with what its sub-sequences (T_HAD_B) say.
-- The kind of visit is 581476 home visit. The site is the geographic FINESS, whose column is ETA_NUM_TWO
-- until 2016 and ETA_NUM_GEO since (HDH visit_occurrence). {passage} names the sub-sequence; {returned} says that a
-- return code is not 0; {entry} and {exit_day} are its days.

WITH said AS (
    SELECT
        b.ETA_NUM_EPMSI AS hospital,
        b.RHAD_NUM AS number,
        count(*) FILTER (WHERE s.rule IS NULL) AS good,
        min(s.rule) AS rule,
        min_by(b.ENT_PRV, s.place) FILTER (WHERE b.ENT_PRV IS NOT NULL) AS ENT_PRV,
        min_by(b.ENT_MOD, s.place) FILTER (WHERE b.ENT_MOD IS NOT NULL) AS ENT_MOD,
        max_by(b.SOR_DES, s.place) FILTER (WHERE b.SOR_DES IS NOT NULL) AS SOR_DES,
        max_by(b.SOR_MOD, s.place) FILTER (WHERE b.SOR_MOD IS NOT NULL) AS SOR_MOD,
        min(b.COD_SEX) AS sex,
        min(b.AGE_ANN) AS age_years,
        min(b.AGE_JOU) AS age_days,
        min(s.first_day) FILTER (WHERE s.rule IS NULL) AS first_day,
        max(s.last_day) FILTER (WHERE s.rule IS NULL) AS last_day
    FROM T_HAD_B b
    JOIN slices s
        ON s.hospital = b.ETA_NUM_EPMSI AND s.number = b.RHAD_NUM
        AND s.passage = {passage}
    GROUP BY b.ETA_NUM_EPMSI, b.RHAD_NUM
)
SELECT
    c.ETA_NUM_EPMSI AS hospital,
    c.RHAD_NUM AS number,
    c.NIR_ANO_17,
    c.RNG_NAI AS birth_rank,
    CAST(NULL AS STRING) AS mother_key,
    {entry} AS entry,
    coalesce({exit_day}, s.last_day) AS exit_day,
    {entry} AS origin,
    s.first_day AS begins,
    {returned} AS returned,
    CASE WHEN s.good = 0 THEN s.rule END AS stay_rule,
    581476 AS visit_concept_id,
    CAST(NULL AS STRING) AS provider,
    coalesce(c.ETA_NUM_GEO, c.ETA_NUM_TWO, c.ETA_NUM_EPMSI) AS site,
    'HAD' AS visit_source_value,
    s.ENT_PRV,
    s.ENT_MOD,
    s.SOR_DES,
    s.SOR_MOD,
    s.sex,
    s.age_years,
    s.age_days
FROM T_HAD_C c
LEFT JOIN said s ON s.hospital = c.ETA_NUM_EPMSI AND s.number = c.RHAD_NUM
