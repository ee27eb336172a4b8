-- How many records a person has of a concept in a month: the rows of a table of events, counted as far as analyses allow.
SELECT
    person_id, concept, source_concept, inside,
    CAST(YEAR(start_date) * 100 + MONTH(start_date) AS INT) AS month, CAST(YEAR(start_date) AS INT) AS year,
    CAST(COUNT(*) AS INT) AS records
FROM {placed}
GROUP BY person_id, concept, source_concept, inside, YEAR(start_date) * 100 + MONTH(start_date), YEAR(start_date)
