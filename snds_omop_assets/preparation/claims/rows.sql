-- Lines of a year of care with the ids of what they make: rows are those of claim_told.
--
-- alone                nothing can be added to the line; the others get their ids when they are added up (keyed.sql)
-- event_key            the netting key: all that must agree for lines to add up, the facility among it, that of the
--                      prescriber where there is no other; NULL where nobody asks for it
-- visit_occurrence_id  of what may make a visit: person, days, kind, executor and facility
-- Source: HDH sas_prestation_dcir (identical lines are added up); docs/etl.
SELECT
    t.*,
    r.alike IS NULL AS alone,
    -- An id costs more than all the rest of a row.
    CASE WHEN t.rule IS NULL AND r.alike IS NULL AND (t.is_event OR t.accessory) THEN omop_id(
        'event', CAST(t.person_id AS STRING), CAST(t.start_date AS STRING), CAST(t.end_date AS STRING), t.PRS_NAT_REF,
        t.executor, t.prescriber, CAST(t.prescribed AS STRING), t.nomenclature, t.code, t.variant,
        coalesce(t.site, t.prescriber_site)
    ) END AS event_key,
    CASE WHEN t.rule IS NULL AND r.alike IS NULL AND NOT t.accessory THEN omop_id(
        'visit', CAST(t.person_id AS STRING), CAST(t.start_date AS STRING), CAST(t.end_date AS STRING),
        CAST(t.visit_concept_id AS STRING), t.executor, t.site
    ) END AS visit_occurrence_id
FROM claim_told t
LEFT JOIN claim_repeated r ON r.alike = t.alike
