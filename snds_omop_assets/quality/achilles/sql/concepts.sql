-- A row per person and concept of an event in a period: how many records, and the year of the first.
SELECT person_id, concept, MIN(year) AS year, CAST(SUM(records) AS BIGINT) AS records, 1 AS persons
FROM {events}
WHERE inside
GROUP BY person_id, concept
