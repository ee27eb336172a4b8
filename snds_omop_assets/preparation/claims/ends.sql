-- How the rows of a year of care end: numbers of rows of claim_rows by what tells their rule.
-- A row has its own rule, or that of what is left of it: of its netting key, or of the key that it cancels without
-- naming its facility. A surcharge that found no visit has its own.
WITH left_over AS (
    SELECT event_key, flow_year, nomenclature, code, bears_line, facility_row, line_id, rule
    FROM claim_judged
    WHERE alone
    UNION ALL
    SELECT
        j.event_key, k.flow_year, k.nomenclature, k.code, k.bears_line, k.facility_row, k.line_id, j.rule
    FROM claim_keyed k
    LEFT JOIN claim_moved m ON m.event_key = k.event_key AND m.partner_key IS NOT NULL
    JOIN claim_judged j ON j.event_key = coalesce(m.partner_key, k.event_key) AND NOT j.alone
)

SELECT flow_year, nomenclature, code IS NOT NULL AS has_code, bears_line, facility_row, line_id, rule,
       count(*) AS row_count
FROM claim_rows
WHERE rule IS NOT NULL
GROUP BY ALL
UNION ALL
SELECT flow_year, nomenclature, code IS NOT NULL, bears_line, facility_row, line_id, rule, count(*)
FROM left_over
WHERE rule <> 'accessory'
GROUP BY ALL
UNION ALL
SELECT
    l.flow_year, l.nomenclature, l.code IS NOT NULL, l.bears_line, l.facility_row, l.line_id,
    CASE WHEN a.visit_occurrence_id IS NULL THEN 'accessory_without_visit' ELSE 'accessory_line' END, count(*)
FROM left_over l
LEFT JOIN claim_joined a USING (event_key)
WHERE l.rule = 'accessory'
GROUP BY ALL
