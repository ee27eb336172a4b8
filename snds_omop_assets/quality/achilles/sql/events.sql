-- How many records a person has of a concept in a month, and whether they are in an observation period: the rows of a
-- table of events, counted as far as most analyses allow.
SELECT
    person_id, concept, inside, month, CAST(FLOOR(month / 100) AS INT) AS year, records, 1 AS persons
FROM (
    SELECT person_id, concept, inside, month, COUNT(*) AS records
    FROM (
        SELECT person_id, concept, inside, CAST(YEAR(start_date) * 100 + MONTH(start_date) AS INT) AS month
        FROM {placed}
    )
    GROUP BY person_id, concept, inside, month
)
