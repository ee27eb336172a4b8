-- stays/external found: one row per day of external care of a hospital (T_{field}_CSTC), with what its invoice says.
-- {field} is MCO or SSR; {returned} says that a return code is not 0; {entry} and {exit_day} are its days.
-- The kind of visit is 9203 where emergencies are billed (ATU, in the MCO only), else 9202 (HDH visit_occurrence).
-- Who treats is the specialty of the fees (FCSTC), else of the facility's (FBSTC); the smallest code of several.

WITH fee AS (
    SELECT
        ETA_NUM,
        SEQ_NUM,
        min(EXE_SPE) AS specialty,
        min(ETA_NUM_GEO) AS site
    FROM T_{field}_FCSTC
    GROUP BY ETA_NUM, SEQ_NUM
),
facility AS (
    SELECT
        ETA_NUM,
        SEQ_NUM,
        min(EXE_SPE) AS specialty,
        min(ETA_NUM_GEO) AS site,
        count(*) FILTER (WHERE trim(ACT_COD) = 'ATU' AND '{field}' = 'MCO') AS emergencies
    FROM T_{field}_FBSTC
    GROUP BY ETA_NUM, SEQ_NUM
),
invoice AS (
    SELECT ETA_NUM, SEQ_NUM, min(COD_SEX) AS sex, min(AGE_ANN) AS age_years, min(ETA_NUM_GEO) AS site
    FROM T_{field}_FASTC
    GROUP BY ETA_NUM, SEQ_NUM
)
SELECT
    c.ETA_NUM AS hospital,
    c.SEQ_NUM AS number,
    c.NIR_ANO_17,
    c.RNG_NAI AS birth_rank,
    CAST(NULL AS STRING) AS mother_key,
    {entry} AS entry,
    coalesce({exit_day}, {entry}) AS exit_day,
    {entry} AS origin,
    CAST(NULL AS DATE) AS begins,
    {returned} AS returned,
    CAST(NULL AS STRING) AS stay_rule,
    CASE WHEN facility.emergencies > 0 THEN 9203 ELSE 9202 END AS visit_concept_id,
    'SPE:' || coalesce(fee.specialty, facility.specialty) AS provider,
    coalesce(facility.site, fee.site, invoice.site, c.ETA_NUM) AS site,
    'ACE {field}' AS visit_source_value,
    CAST(NULL AS STRING) AS ENT_PRV,
    CAST(NULL AS STRING) AS ENT_MOD,
    CAST(NULL AS STRING) AS SOR_DES,
    CAST(NULL AS STRING) AS SOR_MOD,
    invoice.sex,
    invoice.age_years,
    CAST(NULL AS BIGINT) AS age_days
FROM T_{field}_CSTC c
LEFT JOIN fee ON fee.ETA_NUM = c.ETA_NUM AND fee.SEQ_NUM = c.SEQ_NUM
LEFT JOIN facility ON facility.ETA_NUM = c.ETA_NUM AND facility.SEQ_NUM = c.SEQ_NUM
LEFT JOIN invoice ON invoice.ETA_NUM = c.ETA_NUM AND invoice.SEQ_NUM = c.SEQ_NUM
