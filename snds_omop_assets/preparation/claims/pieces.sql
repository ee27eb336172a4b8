-- What a month has that goes on (CLAIM_LINES), with its year of care.
SELECT
    flow_year, rule, accessory, BEN_NIR_PSA, BEN_RNG_GEM, start_date, end_date, PRS_NAT_REF, executor, executor_kind,
    prescriber, prescriber_kind, prescribed, site, prescriber_site, facility_rows > 0 AS facility_row,
    CASE WHEN bears_line THEN total END AS total,
    CASE WHEN bears_line THEN payer END AS payer,
    bears_line, line_id, nomenclature, code, variant, quantity, detail_start, detail_end, refills,
    care_year
FROM claim_marked
WHERE care_year IS NOT NULL
