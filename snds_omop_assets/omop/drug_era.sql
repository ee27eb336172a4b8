-- DRUG_ERA: one row per person, ingredient and time in which exposures never rest for more than 30 days.
-- OHDSI's standard rules: drugs count as their ingredients; an exposure lasts to its end, else for its days of supply,
-- else to the next day. gap_days are the days of the era on which no exposure lasts.

WITH spans AS (
    SELECT
        e.person_id,
        i.ingredient_concept_id AS concept_id,
        e.drug_exposure_start_date AS first_day,
        greatest(
            coalesce(
                e.drug_exposure_end_date,
                CASE WHEN e.days_supply > 0 THEN e.drug_exposure_start_date + CAST(e.days_supply AS INT) END,
                e.drug_exposure_start_date + CAST(1 AS INT)
            ),
            e.drug_exposure_start_date
        ) AS last_day
    FROM drug_exposure e
    JOIN ingredients i ON i.drug_concept_id = e.drug_concept_id
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
        CASE
            WHEN first_day BETWEEN seen_until AND seen_until + CAST(30 AS INT) THEN days_between(seen_until, first_day)
            ELSE 0
        END AS gap,
        sum(CASE WHEN first_day <= seen_until + CAST(30 AS INT) THEN 0 ELSE 1 END) OVER (
            PARTITION BY person_id, concept_id ORDER BY first_day, last_day ROWS UNBOUNDED PRECEDING
        ) AS era
    FROM followed
),

eras AS (
    SELECT
        person_id, concept_id, era, min(first_day) AS first_day, max(last_day) AS last_day, count(*) AS row_count,
        sum(gap) AS gap_days
    FROM numbered
    GROUP BY person_id, concept_id, era
)

SELECT
    omop_id('drug_era', CAST(person_id AS STRING), CAST(concept_id AS STRING), CAST(first_day AS STRING))
        AS drug_era_id,
    person_id,
    concept_id AS drug_concept_id,
    first_day AS drug_era_start_date,
    last_day AS drug_era_end_date,
    row_count AS drug_exposure_count,
    CAST(gap_days AS BIGINT) AS gap_days
FROM eras
