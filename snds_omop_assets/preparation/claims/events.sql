-- claim_events: events of the DCIR (EVENTS): drugs, acts, laboratory acts, devices, and natures of service that are an
-- act.
-- Quantities: boxes times the content of the pack, boxes where it is unknown, units of an opened pack; else what was
-- netted.
-- A dispensed drug lasts 30 days (a rule of the CDM, which wants an end); a device that was bought has no end.
-- Who: the prescriber of a drug, the executor of all else.
-- Amounts: another executor's part of an act is paid for that act. What a surcharge names is an event of the visit that it
-- joins, which bears its amounts.
-- Source: HDH OMOP specification (stem table), medicament; docs/etl.
SELECT
    j.event_key AS event_id,
    j.person_id,
    coalesce(a.visit_occurrence_id, j.visit_occurrence_id) AS visit_occurrence_id,
    CAST(NULL AS BIGINT) AS visit_detail_id,
    coalesce(t.source_table, 'ER_PRS_F') AS origin,
    j.nomenclature,
    coalesce(j.code, j.PRS_NAT_REF) AS code,
    coalesce(j.code, j.PRS_NAT_REF) AS source_value,
    coalesce(j.detail_start, j.start_date) AS start_date,
    CASE
        WHEN j.nomenclature IN ('CIP13', 'CIP7', 'UCD') THEN j.start_date + 29
        WHEN j.nomenclature <> 'LPP' THEN j.end_date
        WHEN j.variant = '1' OR j.detail_end IS NULL THEN NULL
        ELSE greatest(j.detail_end, coalesce(j.detail_start, j.start_date))
    END AS end_date,
    CASE WHEN j.nomenclature IN ('CIP13', 'CIP7', 'UCD') THEN 'pharmacy' ELSE 'claim' END AS type,
    CAST(NULL AS STRING) AS status,
    CASE WHEN j.variant = 'opened' OR p.content IS NULL THEN CAST(j.quantity AS DOUBLE)
         ELSE CAST(j.quantity AS DOUBLE) * p.content END AS quantity,
    CASE WHEN j.nomenclature IN ('CIP13', 'CIP7', 'UCD') THEN 30 END AS days_supply,
    j.refills,
    p.unit,
    CASE WHEN j.nomenclature IN ('CIP13', 'CIP7', 'UCD') THEN j.prescriber_kind ELSE j.executor_kind END AS provider,
    CASE WHEN j.nomenclature = 'CCAM' THEN j.variant END AS modifier,
    CAST(CASE WHEN a.event_key IS NOT NULL THEN NULL WHEN s.total IS NULL THEN j.total
              ELSE coalesce(j.total, 0) + s.total END AS DOUBLE) AS total,
    CAST(CASE WHEN a.event_key IS NOT NULL THEN NULL WHEN s.payer IS NULL THEN j.payer
              ELSE coalesce(j.payer, 0) + s.payer END AS DOUBLE) AS payer
FROM claim_judged j
LEFT JOIN (
    SELECT act_key, sum(total) AS total, sum(payer) AS payer FROM claim_judged WHERE rule = 'same_act' GROUP BY act_key
) AS s ON s.act_key = j.event_key
LEFT JOIN claim_tables t USING (nomenclature)
LEFT JOIN claim_packs p ON p.nomenclature = j.nomenclature AND p.code = j.code
LEFT JOIN claim_joined a ON a.event_key = j.event_key AND a.visit_occurrence_id IS NOT NULL
WHERE j.is_event AND (j.rule = 'visit' OR (j.code IS NOT NULL AND a.event_key IS NOT NULL))
