-- Rows are numbers of rows of IR_IMB_R, by rule.

SELECT 'IR_IMB_R' AS source_table, CAST(NULL AS INT) AS file_year, rule, count(*) AS row_count
FROM long_term_rows
GROUP BY rule
