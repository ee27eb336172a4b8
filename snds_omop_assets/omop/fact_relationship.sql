-- FACT_RELATIONSHIP: mother and child, two rows a pair; the stays of birth tell them (PERSON_FACTS, kind mother).
-- Ids as OHDSI's own conversions use them (ETL-CDMBuilder): 56 is the domain Person; the first fact is
-- 40478925 the mother of the second, 40485452 the child of the second. Their rows were not seen in a vocabulary.

WITH pairs AS (
    SELECT DISTINCT other_person_id AS mother, person_id AS child
    FROM person_facts
    WHERE kind = 'mother' AND other_person_id IS NOT NULL AND person_id IS NOT NULL AND other_person_id <> person_id
)

SELECT
    CAST(56 AS BIGINT) AS domain_concept_id_1,
    mother AS fact_id_1,
    CAST(56 AS BIGINT) AS domain_concept_id_2,
    child AS fact_id_2,
    CAST(40478925 AS BIGINT) AS relationship_concept_id
FROM pairs
UNION ALL
SELECT CAST(56 AS BIGINT), child, CAST(56 AS BIGINT), mother, CAST(40485452 AS BIGINT)
FROM pairs
