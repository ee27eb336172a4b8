-- Persons by the first and the last of a run of months that one span covers from their first to their last day.
SELECT first, last, COUNT(*) AS persons
FROM (
    SELECT
        YEAR(start_date) * 12 + MONTH(start_date) - CASE WHEN DAY(start_date) = 1 THEN 1 ELSE 0 END AS first,
        YEAR(end_date) * 12 + MONTH(end_date) - CASE WHEN LAST_DAY(end_date) = end_date THEN 1 ELSE 2 END AS last
    FROM {periods}
)
WHERE first <= last
GROUP BY first, last
