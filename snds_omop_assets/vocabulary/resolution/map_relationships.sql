-- The relationships that name a target, of the concepts that the codes lead to.
SELECT cr.concept_id_1, cr.concept_id_2, cr.relationship_id
FROM concept_relationship cr
JOIN (SELECT DISTINCT concept_id FROM members) m ON m.concept_id = cr.concept_id_1
WHERE cr.invalid_reason IS NULL AND cr.relationship_id IN (SELECT relationship_id FROM relations)
