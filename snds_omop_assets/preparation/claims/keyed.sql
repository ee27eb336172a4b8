-- Lines that may add up with others, each with its keys: rows are those of claim_rows that do not stand alone.
--
-- event_key  as in rows.sql, of all of them
-- rest_key   what must agree for two lines to cancel each other: the netting key without its facility
SELECT
    flow_year, person_id, accessory, start_date, end_date, PRS_NAT_REF, executor, executor_kind, prescriber_kind, site,
    facility_row, bears_line, line_id, nomenclature, code, variant, detail_start, detail_end, refills,
    quantity, total, payer, visit_concept_id, visit_source_concept_id, is_event,
    coalesce(site, prescriber_site) AS facility,
    omop_id(
        'event', CAST(person_id AS STRING), CAST(start_date AS STRING), CAST(end_date AS STRING), PRS_NAT_REF, executor,
        prescriber, CAST(prescribed AS STRING), nomenclature, code, variant, coalesce(site, prescriber_site)
    ) AS event_key,
    omop_id(
        'event', CAST(person_id AS STRING), CAST(start_date AS STRING), CAST(end_date AS STRING), PRS_NAT_REF, executor,
        prescriber, CAST(prescribed AS STRING), nomenclature, code, variant
    ) AS rest_key
FROM claim_rows
WHERE NOT alone
