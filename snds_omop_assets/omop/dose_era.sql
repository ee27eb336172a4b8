-- DOSE_ERA: one row per person, ingredient, dose a day and time in which exposures at that dose never rest for more
-- than 30 days.
-- Dose: the ingredient's amount in one piece, times the quantity, by the days of supply. Where either is not known, or
-- the drug has no fixed amount, there is none.

WITH dosed AS (
    SELECT
        e.person_id,
        s.ingredient_concept_id AS concept_id,
        s.amount_unit_concept_id AS unit_concept_id,
        -- A decimal: the same dose is the same text, and the same id, on every engine.
        TRY_CAST(s.amount_value * e.quantity / e.days_supply AS DECIMAL(18, 6)) AS dose,
        e.drug_exposure_start_date AS first_day,
        greatest(
            coalesce(e.drug_exposure_end_date, e.drug_exposure_start_date + CAST(e.days_supply AS INT)),
            e.drug_exposure_start_date
        ) AS last_day
    FROM drug_exposure e
    JOIN strengths s ON s.drug_concept_id = e.drug_concept_id
    WHERE e.quantity > 0 AND e.days_supply > 0
),

followed AS (
    SELECT
        *,
        max(last_day) OVER (
            PARTITION BY person_id, concept_id, unit_concept_id, dose ORDER BY first_day, last_day
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS seen_until
    FROM dosed
    WHERE dose > 0
),

numbered AS (
    SELECT
        *,
        sum(CASE WHEN first_day <= seen_until + CAST(30 AS INT) THEN 0 ELSE 1 END) OVER (
            PARTITION BY person_id, concept_id, unit_concept_id, dose ORDER BY first_day, last_day
            ROWS UNBOUNDED PRECEDING
        ) AS era
    FROM followed
),

eras AS (
    SELECT
        person_id, concept_id, unit_concept_id, dose, era, min(first_day) AS first_day, max(last_day) AS last_day
    FROM numbered
    GROUP BY person_id, concept_id, unit_concept_id, dose, era
)

SELECT
    omop_id(
        'dose_era', CAST(person_id AS STRING), CAST(concept_id AS STRING), CAST(unit_concept_id AS STRING),
        CAST(dose AS STRING), CAST(first_day AS STRING)
    ) AS dose_era_id,
    person_id,
    concept_id AS drug_concept_id,
    unit_concept_id,
    CAST(dose AS DOUBLE) AS dose_value,
    first_day AS dose_era_start_date,
    last_day AS dose_era_end_date
FROM eras
