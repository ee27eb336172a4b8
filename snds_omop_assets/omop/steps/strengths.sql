-- Rows are drugs of the base with the amount of each ingredient in one piece of them, and its unit.
-- Drugs of a fixed amount only (tablets, capsules): of a concentration one would have to know millilitres, and the
-- SNDS counts units and boxes.

WITH met AS (
    SELECT DISTINCT drug_concept_id FROM drug_exposure WHERE quantity > 0 AND days_supply > 0
),

held AS (
    SELECT
        s.drug_concept_id, s.ingredient_concept_id, s.amount_value, s.amount_unit_concept_id,
        row_number() OVER (
            PARTITION BY s.drug_concept_id, s.ingredient_concept_id
            ORDER BY s.valid_end_date DESC NULLS LAST, s.valid_start_date DESC NULLS LAST, s.amount_value
        ) AS place
    FROM drug_strength s
    JOIN met m ON m.drug_concept_id = s.drug_concept_id
    WHERE s.amount_value > 0 AND s.amount_unit_concept_id IS NOT NULL
)

SELECT drug_concept_id, ingredient_concept_id, amount_value, amount_unit_concept_id
FROM held
WHERE place = 1
