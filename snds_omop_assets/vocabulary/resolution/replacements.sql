-- Which concept replaces which, as the vocabulary says today.
SELECT concept_id_1, concept_id_2
FROM concept_relationship
WHERE relationship_id = 'Concept replaced by' AND invalid_reason IS NULL AND concept_id_1 <> concept_id_2
