-- Lines of a year of care with what their nature of service is: rows are those of claim_known.
--
-- visit_concept_id  kind of visit of the nature of service (code_map, list PRS_NAT_VISIT); 9202 is an outpatient visit
-- is_event          it has a code of its own, or its nature of service is an act that the vocabulary knows
-- Source: HDH OMOP specification; docs/etl.
SELECT
    l.flow_year, l.rule, l.alike, l.person_id, l.accessory, l.start_date, l.end_date, l.PRS_NAT_REF, l.executor,
    l.executor_kind, l.prescriber, l.prescriber_kind, l.prescribed, l.site, l.prescriber_site, l.facility_row,
    l.bears_line, l.line_id,
    CASE WHEN l.nomenclature IS NULL AND a.code IS NOT NULL THEN 'PRS_NAT_REF' ELSE l.nomenclature END AS nomenclature,
    l.code, l.variant, l.detail_start, l.detail_end, l.refills,
    CAST(l.quantity AS DECIMAL(18, 4)) AS quantity,
    CAST(l.total AS DECIMAL(18, 2)) AS total,
    CAST(l.payer AS DECIMAL(18, 2)) AS payer,
    coalesce(nullif(v.target_concept_id, 0), 9202) AS visit_concept_id,
    coalesce(v.source_concept_id, 0) AS visit_source_concept_id,
    l.code IS NOT NULL OR (l.nomenclature IS NULL AND a.code IS NOT NULL) AS is_event
FROM claim_known l
LEFT JOIN claim_kinds v
    ON v.code = l.PRS_NAT_REF AND l.start_date BETWEEN v.valid_start_date AND v.valid_end_date
LEFT JOIN claim_acts a
    ON a.code = l.PRS_NAT_REF AND l.start_date BETWEEN a.valid_start_date AND a.valid_end_date
