-- claim_visits: visits of the DCIR (VISITS). A pharmacy visit is known by its concept (581458).
-- The place is the facility; a pharmacy, a laboratory or a transporter is its own, where its number is in clear.
SELECT
    v.visit_occurrence_id,
    v.person_id,
    v.visit_concept_id,
    v.start_date AS visit_start_date,
    v.end_date AS visit_end_date,
    CASE WHEN v.visit_concept_id = 581458 THEN 'pharmacy' ELSE 'claim' END AS type,
    v.executor_kind AS provider,
    coalesce(v.site, c.executor) AS site,
    v.PRS_NAT_REF AS visit_source_value,
    v.visit_source_concept_id,
    CAST(NULL AS STRING) AS admitted_from_list,
    CAST(NULL AS STRING) AS admitted_from,
    CAST(NULL AS STRING) AS discharged_to_list,
    CAST(NULL AS STRING) AS discharged_to
FROM claim_visits_made v
LEFT JOIN claim_clear_sites c USING (executor)
