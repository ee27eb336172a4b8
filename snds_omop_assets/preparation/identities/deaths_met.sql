-- A row is a person whose death the claims tell: the latest date, and the latest month.

SELECT w.person, max(m.death_date) AS death_date, max(m.death_month) AS death_month
FROM met_identifiers m
JOIN whose w ON w.identifier = m.identifier
WHERE (m.death_date IS NOT NULL OR m.death_month IS NOT NULL) AND w.person IS NOT NULL
GROUP BY w.person
