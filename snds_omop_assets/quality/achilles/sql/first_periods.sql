-- A row per person who has a period: sex, age and its decade when the first one starts, and how many days that one has
-- from its first to its last.
SELECT
    f.person_id, p.gender, YEAR(f.start_date) - p.born AS age,
    CAST(FLOOR((YEAR(f.start_date) - p.born) / 10) AS INT) AS decile,
    days_between(f.start_date, f.end_date) AS days
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY start_date, end_date) AS place FROM {rows}
) AS f
JOIN {persons} AS p ON f.person_id = p.person_id
WHERE f.place = 1
