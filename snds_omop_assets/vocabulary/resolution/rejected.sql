-- The targets that were refused, up to the way that counts: see REJECTED in vocabulary/shapes.py.
WITH refused AS (
    SELECT DISTINCT nomenclature, code, origin, target_id, reason
    FROM choices
    WHERE reason IS NOT NULL AND (chosen IS NULL OR way <= chosen)
    UNION
    -- A value needs an observation or a measurement to stand in.
    SELECT nomenclature, code, origin, target_id, 'value without place'
    FROM choices c
    WHERE way = chosen AND reason IS NULL AND relation = 'Maps to value' AND target_id <> 0
      AND NOT EXISTS (
          SELECT 1 FROM choices o
          WHERE o.nomenclature = c.nomenclature AND o.code = c.code AND o.valid_start_date = c.valid_start_date
            AND o.way = o.chosen AND o.reason IS NULL AND o.relation = 'Maps to'
            AND o.domain_id IN ('Observation', 'Measurement')
      )
), standing AS (
    SELECT cr.concept_id_1 AS target_id, min(cr.concept_id_2) AS replacement_id
    FROM concept_relationship cr
    JOIN (SELECT DISTINCT target_id FROM refused) t ON t.target_id = cr.concept_id_1
    JOIN concept c ON c.concept_id = cr.concept_id_2
    WHERE cr.relationship_id IN ('Maps to', 'Concept replaced by') AND cr.invalid_reason IS NULL
      AND c.standard_concept = 'S' AND c.invalid_reason IS NULL
    GROUP BY cr.concept_id_1
)
SELECT r.nomenclature, r.code, r.origin, r.target_id AS target_concept_id, r.reason,
       s.replacement_id AS replacement_concept_id
FROM refused r LEFT JOIN standing s ON s.target_id = r.target_id AND s.replacement_id <> r.target_id
