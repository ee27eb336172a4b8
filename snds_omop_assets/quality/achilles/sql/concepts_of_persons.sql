-- A row per person who has an event: how many different concepts.
SELECT person_id, COUNT(concept) AS concepts FROM {concepts} GROUP BY person_id
