-- A row per period as the table has it, with the months of its first and its last day.
SELECT
    person_id, start_date, end_date, type,
    YEAR(start_date) * 100 + MONTH(start_date) AS start_month,
    YEAR(end_date) * 100 + MONTH(end_date) AS end_month
FROM {rows}
