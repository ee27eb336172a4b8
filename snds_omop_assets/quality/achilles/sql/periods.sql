-- The days of each person as spans that do not overlap: periods that do are one. A row per span. Of periods that are
-- there twice, the one that begins a span comes first.
SELECT person_id, MIN(start_date) AS start_date, MAX(end_date) AS end_date
FROM (
    SELECT
        *,
        SUM(begins) OVER (
            PARTITION BY person_id ORDER BY start_date, end_date, begins DESC ROWS UNBOUNDED PRECEDING
        ) AS span
    FROM (
        SELECT
            person_id, start_date, end_date,
            CASE
                WHEN start_date <= MAX(end_date) OVER (
                    PARTITION BY person_id ORDER BY start_date, end_date
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) THEN 0
                ELSE 1
            END AS begins
        FROM {rows}
        WHERE start_date <= end_date
    )
)
GROUP BY person_id, span
