-- A row per person who died: sex, and the age that is reached in the year of death.
SELECT e.person_id, p.gender, e.year - p.born AS age
FROM (SELECT person_id, MIN(year) AS year FROM {events} WHERE inside GROUP BY person_id) AS e
JOIN {persons} AS p ON e.person_id = p.person_id
