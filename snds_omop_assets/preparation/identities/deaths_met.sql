-- A row is a person whose death the claims tell: the latest date.

SELECT w.person, max(m.death_date) AS death_date
FROM met_identifiers m
JOIN whose w ON w.identifier = m.identifier
WHERE m.death_date IS NOT NULL AND w.person IS NOT NULL
GROUP BY w.person
