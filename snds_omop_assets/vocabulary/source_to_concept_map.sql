-- SOURCE_TO_CONCEPT_MAP: what the lines of the maps say, the user's before the project's, each target judged.
--
-- map_lines  see MAP_LINES in vocabulary/shapes.py
-- code_map   the answer for the codes of these lines by these lines alone (CODE_MAP)
-- concept    CONCEPT of the vocabulary
--
-- A target that may not be used is 0 here: vocabulary/rejected_targets says why. Values (`Maps to value`) have no place
-- in this table. The source concept is 0, as OHDSI has it for codes of a site's own: CODE_MAP has the local concepts.
SELECT DISTINCT
    a.code AS source_code,
    CAST(0 AS BIGINT) AS source_concept_id,
    a.nomenclature AS source_vocabulary_id,
    substr(max(l.label) OVER (PARTITION BY a.nomenclature, a.code), 1, 255) AS source_code_description,
    CASE WHEN a.precision = 'code' THEN a.target_concept_id ELSE 0 END AS target_concept_id,
    CASE WHEN a.precision = 'code' THEN t.vocabulary_id ELSE 'None' END AS target_vocabulary_id,
    greatest(a.valid_start_date, DATE '1970-01-01') AS valid_start_date,
    a.valid_end_date,
    CAST(NULL AS VARCHAR) AS invalid_reason
FROM code_map a
JOIN map_lines l
  ON l.nomenclature = a.nomenclature AND l.code = a.code
 AND l.valid_start_date <= greatest(a.valid_start_date, DATE '1970-01-01') AND l.valid_end_date >= a.valid_start_date
LEFT JOIN concept t ON t.concept_id = a.target_concept_id
WHERE a.valid_end_date >= DATE '1970-01-01'
ORDER BY source_vocabulary_id, source_code, target_concept_id, valid_start_date
