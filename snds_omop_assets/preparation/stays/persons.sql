-- stays/persons: one row per pseudonym and year of care of the stays that go on, as they tell the person. The
-- smallest year of birth: before the birthday, the year of the entry minus the age is one too many.

SELECT
    NIR_ANO_17 AS BEN_NIR_PSA,
    CAST(NULL AS STRING) AS BEN_RNG_GEM,
    'PMSI' AS source,
    CAST(NULL AS STRING) AS BEN_CDI_NIR,
    coalesce(min(sex) FILTER (WHERE sex IN ('1', '2')), min(sex)) AS BEN_SEX_COD,
    min(birth_year) AS birth_year,
    CAST(NULL AS STRING) AS BEN_RES_DPT,
    CAST(NULL AS STRING) AS BEN_RES_COM,
    CAST(NULL AS STRING) AS ORG_AFF_BEN,
    CAST(NULL AS STRING) AS BEN_CMU_TOP,
    CAST(NULL AS DATE) AS death_date,
    CAST(NULL AS BIGINT) AS death_month,
    min(entry) AS first_day,
    max(exit_day) AS last_day
FROM parts
WHERE rule IS NULL
GROUP BY NIR_ANO_17, care_year
