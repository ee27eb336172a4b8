-- Lines that have several details: rows are such lines of claim_month, with the detail that bears the line's amounts.
SELECT
    source_file,
    source_line,
    omop_id('line', source_file, CAST(source_line AS STRING)) AS line_id,
    min(nomenclature || CAST(detail_line AS STRING)) AS first_detail
FROM claim_month
WHERE nomenclature IS NOT NULL
GROUP BY source_file, source_line
HAVING count(*) > 1
