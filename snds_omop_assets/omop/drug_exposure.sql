-- DRUG_EXPOSURE: one row per event whose standard concept is a drug, or whose list holds drugs.
SELECT
    e.row_id AS drug_exposure_id,
    e.person_id,
    e.concept_id AS drug_concept_id,
    e.start_date AS drug_exposure_start_date,
    CAST(e.start_date AS TIMESTAMP) AS drug_exposure_start_datetime,
    e.last_day AS drug_exposure_end_date,
    CAST(e.last_day AS TIMESTAMP) AS drug_exposure_end_datetime,
    CAST(NULL AS DATE) AS verbatim_end_date, -- no source says when a person stopped
    e.type_concept_id AS drug_type_concept_id,
    CAST(NULL AS STRING) AS stop_reason,
    e.refills,
    e.quantity,
    e.days_supply,
    CAST(NULL AS STRING) AS sig,
    CAST(NULL AS BIGINT) AS route_concept_id,
    CAST(NULL AS STRING) AS lot_number,
    e.provider_id,
    e.visit_occurrence_id,
    e.visit_detail_id,
    e.source_value AS drug_source_value,
    e.source_concept_id AS drug_source_concept_id,
    CAST(NULL AS STRING) AS route_source_value,
    e.unit AS dose_unit_source_value
FROM (
    -- The CDM wants an end: the event's, else the last of the days that the drug is for, else the first day.
    SELECT *, greatest(start_date, coalesce(end_date, start_date + CAST(days_supply - 1 AS INT))) AS last_day
    FROM events_routed
    WHERE cdm_table = 'drug_exposure'
) AS e
