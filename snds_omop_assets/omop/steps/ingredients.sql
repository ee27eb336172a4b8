-- Rows are drugs of the base and their ingredients, as the vocabulary's hierarchy has them: a combination has several.
-- Without a vocabulary there is none, and so no era.

WITH met AS (
    SELECT DISTINCT drug_concept_id FROM drug_exposure WHERE drug_concept_id <> 0
)

SELECT DISTINCT m.drug_concept_id, c.concept_id AS ingredient_concept_id
FROM met m
JOIN concept_ancestor a ON a.descendant_concept_id = m.drug_concept_id
JOIN concept c ON c.concept_id = a.ancestor_concept_id
WHERE c.concept_class_id = 'Ingredient' AND c.standard_concept = 'S'
UNION
-- An ingredient is its own, whether the hierarchy has a row for that or not.
SELECT m.drug_concept_id, c.concept_id AS ingredient_concept_id
FROM met m
JOIN concept c ON c.concept_id = m.drug_concept_id
WHERE c.concept_class_id = 'Ingredient' AND c.standard_concept = 'S'
