-- stays/mco found: one row per stay in medicine, surgery, obstetrics (T_MCO_C), with what its summary (T_MCO_B) says.
-- Kinds of visit: 9201 inpatient, 262 inpatient through emergencies (ENT_PRV 5, U), 9202 outpatient (a session, GHM
-- 28, whatever its nights; 0 nights), 9203 emergencies without a night.
-- Errors: GHM 90; SEJ_TYP B is an act done for another hospital (HDH Synthese_Filtres). {returned} says that a
-- return code is not 0; {entry} and {exit_day} are its days.

SELECT
    c.ETA_NUM AS hospital,
    c.RSA_NUM AS number,
    c.NIR_ANO_17,
    c.RNG_NAI AS birth_rank,
    c.NIR_ANO_MAM AS mother_key,
    {entry} AS entry,
    coalesce({exit_day}, {entry} + CAST(coalesce(b.SEJ_NBJ, 0) AS INT)) AS exit_day,
    {entry} AS origin,
    CAST(NULL AS DATE) AS begins,
    {returned} AS returned,
    CASE
        WHEN b.SEJ_TYP = 'B' THEN 'inter_hospital_act'
        WHEN b.GRG_GHM LIKE '90%' THEN 'grouping_error'
    END AS stay_rule,
    CASE
        WHEN b.GRG_GHM LIKE '28%' THEN 9202
        WHEN coalesce({exit_day}, {entry} + CAST(coalesce(b.SEJ_NBJ, 0) AS INT)) > {entry}
            THEN CASE WHEN b.ENT_PRV IN ('5', 'U') THEN 262 ELSE 9201 END
        WHEN b.ENT_PRV IN ('5', 'U') THEN 9203
        ELSE 9202
    END AS visit_concept_id,
    CAST(NULL AS STRING) AS provider,
    c.ETA_NUM AS site,
    'MCO' AS visit_source_value,
    b.ENT_PRV,
    b.ENT_MOD,
    b.SOR_DES,
    b.SOR_MOD,
    b.COD_SEX AS sex,
    b.AGE_ANN AS age_years,
    b.AGE_JOU AS age_days
FROM T_MCO_C c
LEFT JOIN T_MCO_B b ON b.ETA_NUM = c.ETA_NUM AND b.RSA_NUM = c.RSA_NUM
