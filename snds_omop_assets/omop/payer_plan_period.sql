-- PAYER_PLAN_PERIOD: one row per person and time under one plan; a person's periods never overlap.
-- A plan told in a year and again in the next lasts in between, unless another plan is told between; a year without any
-- claim ends the period. Where two plans are told of the same days, the one that began later counts; the other goes on
-- after it, if it is told for longer.

WITH marked AS (
    SELECT *, count(*) OVER (PARTITION BY person_id, care_year) AS plans FROM plan_years
),

-- The days on which something begins or has ended, of years with several plans; most have one.
changes AS (
    SELECT person_id, care_year, first_day AS day FROM marked WHERE plans > 1
    UNION
    SELECT person_id, care_year, last_day + CAST(1 AS INT) FROM marked WHERE plans > 1
),

spans AS (
    SELECT
        person_id, care_year, day,
        lead(day) OVER (PARTITION BY person_id, care_year ORDER BY day) + CAST(-1 AS INT) AS until
    FROM changes
),

counted AS (
    SELECT s.person_id, p.scheme, p.plan, s.day AS first_day, s.until AS last_day
    FROM spans s
    JOIN marked p
        ON p.person_id = s.person_id AND p.care_year = s.care_year
        AND p.first_day <= s.day AND p.last_day >= s.until
    QUALIFY row_number() OVER (
        PARTITION BY s.person_id, s.day
        ORDER BY p.first_day DESC, p.last_day DESC, p.scheme, p.plan NULLS LAST
    ) = 1
    UNION ALL
    SELECT person_id, scheme, plan, first_day, last_day FROM marked WHERE plans = 1
),

followed AS (
    SELECT
        *,
        lag(scheme) OVER (PARTITION BY person_id ORDER BY first_day) AS scheme_before,
        lag(plan) OVER (PARTITION BY person_id ORDER BY first_day) AS plan_before,
        lag(last_day) OVER (PARTITION BY person_id ORDER BY first_day) AS day_before
    FROM counted
),

numbered AS (
    SELECT
        *,
        sum(CASE
            WHEN scheme = scheme_before AND plan IS NOT DISTINCT FROM plan_before
                AND year(first_day) - year(day_before) <= 1 THEN 0
            ELSE 1
        END) OVER (PARTITION BY person_id ORDER BY first_day ROWS UNBOUNDED PRECEDING) AS period
    FROM followed
),

periods AS (
    SELECT
        person_id,
        period,
        min(first_day) AS first_day,
        max(last_day) AS last_day,
        min(scheme) AS scheme,
        min(plan) AS plan
    FROM numbered
    GROUP BY person_id, period
)

SELECT
    omop_id('payer_plan_period', CAST(person_id AS STRING), CAST(first_day AS STRING)) AS payer_plan_period_id,
    person_id,
    first_day AS payer_plan_period_start_date,
    last_day AS payer_plan_period_end_date,
    CAST(0 AS BIGINT) AS payer_concept_id,
    scheme AS payer_source_value,
    CAST(0 AS BIGINT) AS payer_source_concept_id,
    CAST(0 AS BIGINT) AS plan_concept_id,
    plan AS plan_source_value,
    CAST(0 AS BIGINT) AS plan_source_concept_id,
    CAST(0 AS BIGINT) AS sponsor_concept_id,
    CAST(NULL AS STRING) AS sponsor_source_value,
    CAST(0 AS BIGINT) AS sponsor_source_concept_id,
    CAST(NULL AS STRING) AS family_source_value,
    CAST(0 AS BIGINT) AS stop_reason_concept_id,
    CAST(NULL AS STRING) AS stop_reason_source_value,
    CAST(0 AS BIGINT) AS stop_reason_source_concept_id
FROM periods
