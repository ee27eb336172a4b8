-- Netting keys of several lines with what they end with: rows are those of claim_net, after claim_moved.
SELECT
    n.event_key, n.person_id, n.start_date, n.end_date, n.PRS_NAT_REF, n.executor, n.nomenclature,
    n.code, n.variant, n.accessory, n.visit_concept_id, n.visit_source_concept_id, n.is_event, n.site, n.executor_kind,
    n.prescriber_kind, n.detail_start, n.detail_end, n.refills,
    CAST(n.quantity + coalesce(m.quantity, 0) AS DECIMAL(18, 4)) AS quantity,
    CAST(CASE WHEN m.total IS NULL THEN n.total ELSE coalesce(n.total, 0) + m.total END AS DECIMAL(18, 2)) AS total,
    CAST(CASE WHEN m.payer IS NULL THEN n.payer ELSE coalesce(n.payer, 0) + m.payer END AS DECIMAL(18, 2)) AS payer,
    CASE WHEN NOT n.accessory THEN omop_id(
        'visit', CAST(n.person_id AS STRING), CAST(n.start_date AS STRING), CAST(n.end_date AS STRING),
        CAST(n.visit_concept_id AS STRING), n.executor, n.site
    ) END AS visit_occurrence_id
FROM claim_net n
LEFT JOIN claim_moved m USING (event_key)
