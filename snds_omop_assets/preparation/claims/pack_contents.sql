-- What a pack holds, by either of its codes: rows are codes of packs. Where the list says two things, the smaller
-- counts.
SELECT 'CIP13' AS nomenclature, code13 AS code, min(content) AS content, min(unit) AS unit
FROM packs_of_drugs WHERE code13 IS NOT NULL GROUP BY code13
UNION ALL
SELECT 'CIP7', code7, min(content), min(unit)
FROM packs_of_drugs WHERE code7 IS NOT NULL GROUP BY code7
