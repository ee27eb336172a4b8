-- VISIT_DETAIL: one row per passage of a stay in a medical unit, or per week of it.
SELECT
    v.visit_detail_id,
    v.person_id,
    -- The type of authorisation of the unit; where it says nothing, a passage is care of its stay's kind.
    coalesce(nullif(m.target_concept_id, 0), s.visit_concept_id, 0) AS visit_detail_concept_id,
    v.visit_detail_start_date,
    CAST(v.visit_detail_start_date AS TIMESTAMP) AS visit_detail_start_datetime,
    v.visit_detail_end_date,
    CAST(v.visit_detail_end_date AS TIMESTAMP) AS visit_detail_end_datetime,
    coalesce(k.concept_id, 0) AS visit_detail_type_concept_id,
    p.provider_id,
    -- A unit is a care site of its own.
    CASE WHEN v.unit IS NOT NULL THEN omop_id('care_site', v.unit) END AS care_site_id,
    left(v.unit_type, 50) AS visit_detail_source_value,
    coalesce(m.source_concept_id, 0) AS visit_detail_source_concept_id,
    CAST(NULL AS BIGINT) AS admitted_from_concept_id,
    CAST(NULL AS STRING) AS admitted_from_source_value,
    CAST(NULL AS STRING) AS discharged_to_source_value,
    CAST(NULL AS BIGINT) AS discharged_to_concept_id,
    v.preceding_visit_detail_id,
    CAST(NULL AS BIGINT) AS parent_visit_detail_id,
    v.visit_occurrence_id
FROM details v
LEFT JOIN visits s ON s.visit_occurrence_id = v.visit_occurrence_id
LEFT JOIN provider_ids p ON p.provider = v.provider
LEFT JOIN code_lists k ON k.code_list = 'SNDS_TYPE' AND k.code = v.type
LEFT JOIN code_map m
  ON m.nomenclature = v.unit_type_list AND m.code = v.unit_type AND m.place = 1
 AND v.visit_detail_start_date BETWEEN m.valid_start_date AND m.valid_end_date
