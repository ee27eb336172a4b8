-- A row per person, span and year of which the span has a day: sex, and decade of the age that is reached in that year.
SELECT s.person_id, m.year, p.gender, CAST(FLOOR((m.year - p.born) / 10) AS INT) AS decile
FROM {periods} AS s
JOIN {calendar} AS m ON m.year BETWEEN YEAR(s.start_date) AND YEAR(s.end_date)
JOIN {persons} AS p ON s.person_id = p.person_id
WHERE m.month % 100 = 1
