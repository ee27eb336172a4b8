-- The concepts of the codes and those that replace them: rows are a first concept and one after `step` replacements.
-- Five steps are more than OHDSI's vocabularies need; the bound also ends circles.
WITH RECURSIVE chain (first_id, step, concept_id) AS (
    SELECT DISTINCT first_id, 0, first_id FROM known
    UNION ALL
    SELECT chain.first_id, chain.step + 1, r.concept_id_2
    FROM chain JOIN replacements r ON r.concept_id_1 = chain.concept_id
    WHERE chain.step < 5
)
SELECT chain.first_id, chain.concept_id, min(chain.step) AS step, c.valid_start_date, c.valid_end_date, c.invalid_reason
FROM chain JOIN concept c ON c.concept_id = chain.concept_id
GROUP BY chain.first_id, chain.concept_id, c.valid_start_date, c.valid_end_date, c.invalid_reason
