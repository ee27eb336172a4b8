-- The answer: rows are the targets of a code in a period; see CODE_MAP in vocabulary/shapes.py.
WITH targets AS (
    -- Two concepts of a code that are replaced by the same one say its target once.
    SELECT nomenclature, code, valid_start_date, target_id, domain_id, origin, precision, min(step) AS step
    FROM choices
    WHERE way = chosen AND reason IS NULL AND relation = 'Maps to' AND target_id <> 0
    GROUP BY nomenclature, code, valid_start_date, target_id, domain_id, origin, precision
), target_values AS (
    SELECT DISTINCT nomenclature, code, valid_start_date, target_id
    FROM choices
    WHERE way = chosen AND reason IS NULL AND relation = 'Maps to value' AND target_id <> 0
), answers AS (
    SELECT t.*, v.target_id AS value_id
    FROM targets t
    LEFT JOIN target_values v
      ON v.nomenclature = t.nomenclature AND v.code = t.code AND v.valid_start_date = t.valid_start_date
     AND t.domain_id IN ('Observation', 'Measurement')
), refused AS (
    -- A code whose best way was refused, unless somebody decided that it has no target.
    SELECT nomenclature, code, valid_start_date,
           max(CASE WHEN reason IS NOT NULL AND (chosen IS NULL OR way <= chosen) THEN 1 ELSE 0 END) AS refused,
           max(CASE WHEN way = chosen AND target_id = 0 THEN 1 ELSE 0 END) AS decided
    FROM choices
    GROUP BY nomenclature, code, valid_start_date
), own AS (
    -- The concept of the code itself: of the vocabulary that comes first, the one in force on the day.
    SELECT nomenclature, code, valid_start_date, concept_id,
           row_number() OVER (
               PARTITION BY nomenclature, code, valid_start_date
               ORDER BY list_place, late, CASE WHEN spelled = code THEN 0 ELSE 1 END, spelled, concept_id
           ) AS place
    FROM ways
    WHERE origin = 'vocabulary' AND width = 0 AND step = 0
)
SELECT p.nomenclature, p.code, p.valid_start_date, p.valid_end_date,
       row_number() OVER (
           PARTITION BY p.nomenclature, p.code, p.valid_start_date ORDER BY a.target_id, a.value_id
       ) AS place,
       coalesce(a.target_id, 0) AS target_concept_id,
       coalesce(a.domain_id, n.domain) AS target_domain_id,
       a.value_id AS value_as_concept_id,
       coalesce(o.concept_id, c.local_id) AS source_concept_id,
       CASE
           WHEN a.target_id IS NOT NULL AND a.step > 0 THEN 'remapped'
           WHEN a.target_id IS NOT NULL THEN 'mapped'
           WHEN r.refused = 1 AND r.decided = 0 THEN 'rejected'
           ELSE 'unmapped'
       END AS status,
       a.origin,
       a.precision
FROM periods p
JOIN codes c ON c.nomenclature = p.nomenclature AND c.code = p.code
JOIN lists n ON n.nomenclature = p.nomenclature
LEFT JOIN answers a ON a.nomenclature = p.nomenclature AND a.code = p.code AND a.valid_start_date = p.valid_start_date
LEFT JOIN refused r ON r.nomenclature = p.nomenclature AND r.code = p.code AND r.valid_start_date = p.valid_start_date
LEFT JOIN own o
  ON o.nomenclature = p.nomenclature AND o.code = p.code AND o.valid_start_date = p.valid_start_date AND o.place = 1
