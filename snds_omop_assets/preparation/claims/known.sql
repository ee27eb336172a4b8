-- Lines of a year of care with their person: rows are those of claim_lines.
--
-- rule   why the row makes nothing: its own, else that of its identifier; NULL where it may make something
-- alike  equal for lines that may add up: few do, and only they are grouped. It is an engine's own number, so it decides
--        nothing; NULL for rows that make nothing
-- Source: HDH OMOP specification; docs/etl.
SELECT *, CASE WHEN rule IS NULL THEN xxhash64(person_id, start_date, PRS_NAT_REF, executor, code) END AS alike
FROM (
    SELECT
        l.flow_year,
        coalesce(l.rule, i.rule, CASE WHEN i.person_id IS NULL THEN 'no_identifier' END) AS rule,
        CASE WHEN i.rule IS NULL THEN i.person_id END AS person_id,
        l.accessory, l.start_date, l.end_date, l.PRS_NAT_REF, l.executor, l.executor_kind, l.prescriber,
        l.prescriber_kind, l.prescribed, l.site, l.prescriber_site,
        l.facility_rows > 0 AS facility_row, l.bears_line, l.line_id,
        l.nomenclature, l.code, l.variant, l.detail_start, l.detail_end, l.refills, l.quantity, l.total, l.payer
    FROM claim_lines l
    LEFT JOIN identities i
        ON i.BEN_NIR_PSA = l.BEN_NIR_PSA AND coalesce(i.BEN_RNG_GEM, '') = coalesce(l.BEN_RNG_GEM, '')
) AS lines
