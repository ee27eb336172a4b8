-- What the ways say: rows are a way and a target, with the reason why it may not be used (NULL: it may).
--
-- relations        relationship_id, list (NULL: any), relation, relation_place: which relationships name a target
-- allowed_domains  nomenclature, domain_id
WITH said AS (
    SELECT w.*, r.relation, r.relation_place, cr.concept_id_2 AS target_id
    FROM ways w
    JOIN map_relationships cr ON cr.concept_id_1 = w.concept_id
    JOIN relations r ON r.relationship_id = cr.relationship_id AND (r.list = w.list OR r.list IS NULL)
    UNION ALL
    SELECT w.*, l.relation, 0, l.concept_id
    FROM ways w
    JOIN map_lines l
      ON l.nomenclature = w.list AND l.code = w.spelled AND l.origin = w.origin
     AND l.valid_start_date <= greatest(w.valid_start_date, DATE '1970-01-01')
     AND l.valid_end_date >= w.valid_start_date
    WHERE w.concept_id IS NULL
)
SELECT DISTINCT said.*, t.domain_id,
       CASE
           WHEN said.target_id = 0 THEN NULL
           WHEN t.concept_id IS NULL THEN 'unknown'
           WHEN t.invalid_reason IS NOT NULL THEN 'invalid'
           WHEN t.standard_concept IS NULL OR t.standard_concept <> 'S' THEN 'not standard'
           WHEN said.relation = 'Maps to' AND d.domain_id IS NULL THEN 'wrong domain'
       END AS reason
FROM said
LEFT JOIN concept t ON t.concept_id = said.target_id
LEFT JOIN allowed_domains d ON d.nomenclature = said.nomenclature AND d.domain_id = t.domain_id
-- An ATC code stands for an ingredient, and for nothing narrower.
WHERE said.list <> 'ATC' OR said.origin <> 'vocabulary' OR t.concept_class_id = 'Ingredient' OR t.concept_id IS NULL
