-- Netting: rows are netting keys of claim_keyed, with their sums over all flows.
-- What is in the key is the same in all its rows (any_value). Sums are exact, so that their order does not matter.
-- What is not in the key is that of rows that are left: an error and the line that cancels it agree in it, and tell
-- nothing (stands); where no rows are left, or none tells it, that of all.
WITH alike AS (
    SELECT
        event_key, executor_kind, prescriber_kind, detail_start, detail_end, refills,
        any_value(rest_key) AS rest_key,
        any_value(person_id) AS person_id,
        any_value(start_date) AS start_date,
        any_value(end_date) AS end_date,
        any_value(PRS_NAT_REF) AS PRS_NAT_REF,
        any_value(executor) AS executor,
        any_value(nomenclature) AS nomenclature,
        any_value(code) AS code,
        any_value(variant) AS variant,
        any_value(accessory) AS accessory,
        any_value(visit_concept_id) AS visit_concept_id,
        any_value(visit_source_concept_id) AS visit_source_concept_id,
        any_value(is_event) AS is_event,
        min(site) AS site,
        any_value(facility) AS facility,
        sum(quantity) > 0 AS stands,
        sum(quantity) AS quantity,
        sum(total) AS total,
        sum(payer) AS payer
    FROM claim_keyed
    GROUP BY event_key, executor_kind, prescriber_kind, detail_start, detail_end, refills
)

SELECT
    event_key,
    any_value(rest_key) AS rest_key,
    any_value(person_id) AS person_id,
    any_value(start_date) AS start_date,
    any_value(end_date) AS end_date,
    any_value(PRS_NAT_REF) AS PRS_NAT_REF,
    any_value(executor) AS executor,
    any_value(nomenclature) AS nomenclature,
    any_value(code) AS code,
    any_value(variant) AS variant,
    any_value(accessory) AS accessory,
    any_value(visit_concept_id) AS visit_concept_id,
    any_value(visit_source_concept_id) AS visit_source_concept_id,
    any_value(is_event) AS is_event,
    min(site) AS site,
    any_value(facility) AS facility,
    -- A specialty before an activity, where only some of the lines tell it.
    coalesce(max(executor_kind) FILTER (WHERE stands), max(executor_kind)) AS executor_kind,
    coalesce(max(prescriber_kind) FILTER (WHERE stands), max(prescriber_kind)) AS prescriber_kind,
    coalesce(min(detail_start) FILTER (WHERE stands), min(detail_start)) AS detail_start,
    coalesce(max(detail_end) FILTER (WHERE stands), max(detail_end)) AS detail_end,
    coalesce(max(refills) FILTER (WHERE stands), max(refills)) AS refills,
    sum(quantity) AS quantity,
    sum(total) AS total,
    sum(payer) AS payer
FROM alike
GROUP BY event_key
