-- CONDITION_ERA: one row per person, condition and time in which it never rests for more than 30 days.
-- OHDSI's standard rules: a condition without an end lasts to the next day; eras of one concept; unmapped conditions
-- (0) have none.

WITH spans AS (
    SELECT
        person_id,
        condition_concept_id AS concept_id,
        condition_start_date AS first_day,
        greatest(coalesce(condition_end_date, condition_start_date + CAST(1 AS INT)), condition_start_date) AS last_day
    FROM condition_occurrence
    WHERE condition_concept_id <> 0
),

followed AS (
    SELECT
        *,
        max(last_day) OVER (
            PARTITION BY person_id, concept_id ORDER BY first_day, last_day
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS seen_until
    FROM spans
),

numbered AS (
    SELECT
        *,
        sum(CASE WHEN first_day <= seen_until + CAST(30 AS INT) THEN 0 ELSE 1 END) OVER (
            PARTITION BY person_id, concept_id ORDER BY first_day, last_day ROWS UNBOUNDED PRECEDING
        ) AS era
    FROM followed
),

eras AS (
    SELECT person_id, concept_id, era, min(first_day) AS first_day, max(last_day) AS last_day, count(*) AS row_count
    FROM numbered
    GROUP BY person_id, concept_id, era
)

SELECT
    omop_id('condition_era', CAST(person_id AS STRING), CAST(concept_id AS STRING), CAST(first_day AS STRING))
        AS condition_era_id,
    person_id,
    concept_id AS condition_concept_id,
    first_day AS condition_era_start_date,
    last_day AS condition_era_end_date,
    row_count AS condition_occurrence_count
FROM eras
