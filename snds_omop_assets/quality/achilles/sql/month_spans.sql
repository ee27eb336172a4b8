-- Persons by the first and the last of a run of months in each of which they are observed on a day. A person with several
-- runs, none of which has a month of another, counts in each. Months are counted from the year 0.
SELECT first, last, COUNT(*) AS persons
FROM (
    SELECT person_id, MIN(first) AS first, MAX(last) AS last
    FROM (
        SELECT
            *,
            SUM(begins) OVER (PARTITION BY person_id ORDER BY first, last, begins DESC ROWS UNBOUNDED PRECEDING) AS span
        FROM (
            SELECT
                person_id, first, last,
                CASE
                    WHEN first <= MAX(last) OVER (
                        PARTITION BY person_id ORDER BY first, last ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                    ) THEN 0
                    ELSE 1
                END AS begins
            FROM (
                SELECT
                    person_id,
                    YEAR(start_date) * 12 + MONTH(start_date) - 1 AS first,
                    YEAR(end_date) * 12 + MONTH(end_date) - 1 AS last
                FROM {periods}
            )
        )
    )
    GROUP BY person_id, span
)
GROUP BY first, last
