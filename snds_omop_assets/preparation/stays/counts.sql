-- stays/counts: numbers of source rows of a field and file year that end with their stay, by table and rule.

SELECT j.source_table, f.file_year, j.rule, count(*) AS row_count
FROM judged j
CROSS JOIN this_field f
WHERE j.counted AND j.rule IS NOT NULL
GROUP BY j.source_table, f.file_year, j.rule
