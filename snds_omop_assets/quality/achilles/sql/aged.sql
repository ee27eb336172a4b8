-- A row per person, concept and year with an event: sex, and decade of the age that is reached in that year.
SELECT e.person_id, e.concept, e.year, p.gender, CAST(FLOOR((e.year - p.born) / 10) AS INT) AS decile
FROM (SELECT DISTINCT person_id, concept, year FROM {events} WHERE inside) AS e
JOIN {persons} AS p ON e.person_id = p.person_id
