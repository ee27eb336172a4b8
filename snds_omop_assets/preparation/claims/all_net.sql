-- All that is left after netting: rows are lines that stand alone, and netting keys of several lines (claim_settled).
-- What only the ledger asks for (flow_year, bears_line, facility_row, line_id) is that of the lines that stand alone.
SELECT
    FALSE AS alone, CAST(NULL AS INT) AS flow_year, CAST(NULL AS BOOLEAN) AS bears_line,
    CAST(NULL AS BOOLEAN) AS facility_row, CAST(NULL AS BIGINT) AS line_id,
    event_key, person_id, start_date, end_date, PRS_NAT_REF, executor, nomenclature, code, variant,
    accessory, visit_concept_id, visit_source_concept_id, is_event, site, executor_kind, prescriber_kind, detail_start,
    detail_end, refills, quantity, total, payer, visit_occurrence_id
FROM claim_settled
UNION ALL
SELECT
    TRUE, flow_year, bears_line, facility_row, line_id,
    event_key, person_id, start_date, end_date, PRS_NAT_REF, executor, nomenclature, code, variant,
    accessory, visit_concept_id, visit_source_concept_id, is_event, site, executor_kind, prescriber_kind, detail_start,
    detail_end, refills, quantity, total, payer, visit_occurrence_id
FROM claim_rows
WHERE rule IS NULL AND alone
