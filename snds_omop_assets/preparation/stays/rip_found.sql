-- stays/rip found: one row per stay in psychiatry in the file of a year (T_RIP_C), with what its
-- sequences (T_RIP_RSA) say.
-- The kind of visit is that of the first sequence: part-time care (FOR_ACT 20 to 23) is 9202 outpatient,
-- else 9201 inpatient. Delays of acts count from the first sequence: their table (T_RIP_CCAM) does not say of which.
-- {returned} says that a return code is not 0; {entry} and {exit_day} are its days.

WITH said AS (
    SELECT
        r.ETA_NUM_EPMSI AS hospital,
        r.RIP_NUM AS number,
        count(*) FILTER (WHERE s.rule IS NULL) AS good,
        min(s.rule) AS rule,
        min_by(r.FOR_ACT, s.place) FILTER (WHERE s.rule IS NULL AND r.FOR_ACT IS NOT NULL) AS form,
        min_by(r.ENT_PRV, s.place) FILTER (WHERE r.ENT_PRV IS NOT NULL) AS ENT_PRV,
        min_by(r.ENT_MOD, s.place) FILTER (WHERE r.ENT_MOD IS NOT NULL) AS ENT_MOD,
        max_by(r.SOR_DES, s.place) FILTER (WHERE r.SOR_DES IS NOT NULL) AS SOR_DES,
        max_by(r.SOR_MOD, s.place) FILTER (WHERE r.SOR_MOD IS NOT NULL) AS SOR_MOD,
        min(r.COD_SEX) AS sex,
        min(r.AGE_ANN) AS age_years,
        min(r.AGE_JOU) AS age_days,
        min(s.first_day) FILTER (WHERE s.rule IS NULL) AS first_day,
        max(s.last_day) FILTER (WHERE s.rule IS NULL) AS last_day
    FROM T_RIP_RSA r
    JOIN slices s ON s.hospital = r.ETA_NUM_EPMSI AND s.number = r.RIP_NUM AND s.passage = r.SEQ_SEQ_NUM
    GROUP BY r.ETA_NUM_EPMSI, r.RIP_NUM
)
SELECT
    c.ETA_NUM_EPMSI AS hospital,
    c.RIP_NUM AS number,
    c.NIR_ANO_17,
    CAST(NULL AS STRING) AS birth_rank,
    CAST(NULL AS STRING) AS mother_key,
    {entry} AS entry,
    coalesce({exit_day}, s.last_day) AS exit_day,
    coalesce(s.first_day, {entry}) AS origin,
    s.first_day AS begins,
    {returned} AS returned,
    CASE WHEN s.good = 0 THEN s.rule END AS stay_rule,
    CASE WHEN s.form IN ('20', '21', '22', '23') THEN 9202 ELSE 9201 END AS visit_concept_id,
    CAST(NULL AS STRING) AS provider,
    c.ETA_NUM_EPMSI AS site,
    coalesce('RIP ' || s.form, 'RIP') AS visit_source_value,
    s.ENT_PRV,
    s.ENT_MOD,
    s.SOR_DES,
    s.SOR_MOD,
    s.sex,
    s.age_years,
    s.age_days
FROM T_RIP_C c
LEFT JOIN said s ON s.hospital = c.ETA_NUM_EPMSI AND s.number = c.RIP_NUM
