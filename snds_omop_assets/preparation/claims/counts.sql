-- claim_counts: source rows by the rule by which they end (COUNTS).
-- A line of several details ends by the best of what they end by; a detail of a line that makes or
-- joins a visit makes an event.
WITH lines AS (
    SELECT flow_year, facility_row, rule, row_count FROM claim_ends WHERE bears_line AND line_id IS NULL
    UNION ALL
    SELECT
        any_value(flow_year), any_value(facility_row),
        min_by(rule, CASE rule WHEN 'visit' THEN 1 WHEN 'accessory_line' THEN 2 WHEN 'accessory_without_visit' THEN 3
                               WHEN 'same_act' THEN 4 ELSE 5 END),
        1
    FROM claim_ends
    WHERE line_id IS NOT NULL
    GROUP BY line_id
)

SELECT 'ER_PRS_F' AS source_table, flow_year AS file_year, rule, sum(row_count) AS row_count
FROM lines
GROUP BY flow_year, rule
UNION ALL
SELECT 'ER_ETE_F', flow_year, rule, sum(row_count)
FROM lines
WHERE facility_row
GROUP BY flow_year, rule
UNION ALL
SELECT
    t.source_table, e.flow_year,
    CASE WHEN e.rule NOT IN ('visit', 'accessory_line') THEN e.rule WHEN e.has_code THEN 'event' ELSE 'no_code' END,
    sum(e.row_count)
FROM claim_ends e
JOIN claim_tables t USING (nomenclature)
GROUP BY ALL
