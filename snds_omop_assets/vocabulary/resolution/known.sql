-- Concepts of the codes: rows are a spelling and a concept of a vocabulary that has this code.
--
-- searched     list, vocabulary_id, list_place: the vocabularies of a list, the best first
-- concept      CONCEPT of the CDM
--
-- OMOP writes CIM10 and ICD10 with a dot (M54.5), the PMSI without. The spelling to compare is said of the concept
-- alone, so that the engines can join by it.
SELECT s.nomenclature, s.code, s.list, s.spelled, s.width, s.precision, v.list_place,
       c.concept_id AS first_id, c.valid_end_date AS first_end_date, c.valid_start_date AS first_start_date
FROM spellings s
JOIN searched v ON v.list = s.list
JOIN concept c
  ON c.vocabulary_id = v.vocabulary_id
 AND s.spelled =
     CASE WHEN c.vocabulary_id IN ('CIM10', 'ICD10') THEN replace(c.concept_code, '.', '') ELSE c.concept_code END
