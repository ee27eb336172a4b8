-- stays/ssr found: one row per stay of rehabilitation in the file of a year (T_SSR_C), with what its weeks
-- (T_SSR_B) say.
-- The kind of visit is that of the first week: HOS_TYP_UM 1, 3 are 9201 inpatient, 2, 4 are 9202
-- outpatient. A stay of which every week is an error, or a repeat, is what its weeks are. {returned} says that a
-- return code is not 0; {entry} and {exit_day} are its days.

WITH said AS (
    SELECT
        b.ETA_NUM AS hospital,
        b.RHA_NUM AS number,
        count(*) FILTER (WHERE s.rule IS NULL) AS good,
        min(s.rule) AS rule,
        min_by(b.HOS_TYP_UM, s.place) FILTER (WHERE s.rule IS NULL AND b.HOS_TYP_UM IS NOT NULL) AS hospitalisation,
        min_by(s.site, s.place) FILTER (WHERE s.site IS NOT NULL) AS site,
        min_by(b.ENT_PRV, s.place) FILTER (WHERE b.ENT_PRV IS NOT NULL) AS ENT_PRV,
        min_by(b.ENT_MOD, s.place) FILTER (WHERE b.ENT_MOD IS NOT NULL) AS ENT_MOD,
        max_by(b.SOR_DES, s.place) FILTER (WHERE b.SOR_DES IS NOT NULL) AS SOR_DES,
        max_by(b.SOR_MOD, s.place) FILTER (WHERE b.SOR_MOD IS NOT NULL) AS SOR_MOD,
        min(b.COD_SEX) AS sex,
        min(b.AGE_ANN) AS age_years,
        min(s.first_day) FILTER (WHERE s.rule IS NULL) AS first_day,
        max(s.last_day) FILTER (WHERE s.rule IS NULL) AS last_day
    FROM T_SSR_B b
    JOIN slices s ON s.hospital = b.ETA_NUM AND s.number = b.RHA_NUM AND s.passage = b.RHS_NUM
    GROUP BY b.ETA_NUM, b.RHA_NUM
)
SELECT
    c.ETA_NUM AS hospital,
    c.RHA_NUM AS number,
    c.NIR_ANO_17,
    CAST(NULL AS STRING) AS birth_rank,
    CAST(NULL AS STRING) AS mother_key,
    {entry} AS entry,
    coalesce({exit_day}, s.last_day) AS exit_day,
    {entry} AS origin,
    s.first_day AS begins,
    {returned} AS returned,
    CASE WHEN s.good = 0 THEN s.rule END AS stay_rule,
    CASE WHEN s.hospitalisation IN ('2', '4') THEN 9202 ELSE 9201 END AS visit_concept_id,
    CAST(NULL AS STRING) AS provider,
    coalesce(s.site, c.ETA_NUM) AS site,
    coalesce('SSR ' || s.hospitalisation, 'SSR') AS visit_source_value,
    s.ENT_PRV,
    s.ENT_MOD,
    s.SOR_DES,
    s.SOR_MOD,
    s.sex,
    s.age_years,
    CAST(NULL AS BIGINT) AS age_days
FROM T_SSR_C c
LEFT JOIN said s ON s.hospital = c.ETA_NUM AND s.number = c.RHA_NUM
