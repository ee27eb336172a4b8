-- A row per person and concept: sex, and the age that is reached in the year of the first event.
SELECT e.person_id, e.concept, p.gender, e.year - p.born AS age
FROM {concepts} AS e
JOIN {persons} AS p ON e.person_id = p.person_id
