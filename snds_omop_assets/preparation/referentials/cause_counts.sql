-- Rows are numbers of rows of KI_CCI_R and KI_ECD_R, by rule.

SELECT 'KI_CCI_R' AS source_table, CAST(NULL AS INT) AS file_year, rule, count(*) AS row_count
FROM certificates
GROUP BY rule
UNION ALL
SELECT 'KI_ECD_R' AS source_table, CAST(NULL AS INT) AS file_year, rule, count(*) AS row_count
FROM cause_rows
GROUP BY rule
