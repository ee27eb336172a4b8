-- Rows of the lists of establishments by rule (shapes.COUNTS): models look names up in all of them.
SELECT source_table, file_year, 'reference' AS rule, count(*) AS row_count
FROM named_sites
GROUP BY source_table, file_year
