-- A row per person who has an event: how many different concepts.
SELECT person_id, COUNT(DISTINCT concept) AS concepts FROM {events} WHERE inside GROUP BY person_id
