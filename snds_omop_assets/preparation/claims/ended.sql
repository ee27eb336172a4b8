-- Rows of a year of flow that end here (COUNTS): lines by their own rule, their details with them, and details without a
-- line.
SELECT 'ER_PRS_F' AS source_table, flow_year AS file_year, rule, count(*) AS row_count
FROM claim_prepared
WHERE care_year IS NULL AND bears_line
GROUP BY flow_year, rule

UNION ALL
SELECT t.source_table, p.flow_year, p.rule, count(*)
FROM claim_prepared p
JOIN claim_tables t USING (nomenclature)
WHERE p.care_year IS NULL
GROUP BY t.source_table, p.flow_year, p.rule

UNION ALL
SELECT 'ER_ETE_F', flow_year, rule, count(*)
FROM claim_prepared
WHERE care_year IS NULL AND bears_line AND facility_rows > 0
GROUP BY flow_year, rule

UNION ALL
-- A second facility of one line says nothing that the first does not.
SELECT 'ER_ETE_F', flow_year, 'same_line', sum(facility_rows - 1)
FROM claim_prepared
WHERE bears_line AND facility_rows > 1
GROUP BY flow_year

UNION ALL
SELECT source_table, flow_year, 'no_parent_line', sum(row_count)
FROM (
    SELECT 'ER_PHA_F' AS source_table, count(*) AS row_count FROM ER_PHA_F
    UNION ALL SELECT 'ER_UCD_F', count(*) FROM ER_UCD_F
    UNION ALL SELECT 'ER_BIO_F', count(*) FROM ER_BIO_F
    UNION ALL SELECT 'ER_CAM_F', count(*) FROM ER_CAM_F
    UNION ALL SELECT 'ER_TIP_F', count(*) FROM ER_TIP_F
    UNION ALL SELECT 'ER_ETE_F', count(*) FROM ER_ETE_F
    UNION ALL SELECT t.source_table, -count(*) FROM claim_prepared p JOIN claim_tables t USING (nomenclature)
              GROUP BY t.source_table
    UNION ALL SELECT 'ER_ETE_F', -coalesce(sum(facility_rows), 0) FROM claim_prepared WHERE bears_line
) AS counted
CROSS JOIN claim_flow
GROUP BY source_table, flow_year
HAVING sum(row_count) <> 0
