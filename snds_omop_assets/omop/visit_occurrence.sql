-- VISIT_OCCURRENCE: one row per visit of the year of care (the year of its first day).
SELECT
    v.visit_occurrence_id,
    v.person_id,
    coalesce(v.visit_concept_id, 0) AS visit_concept_id,
    v.visit_start_date,
    CAST(v.visit_start_date AS TIMESTAMP) AS visit_start_datetime, -- the SNDS has no hours: midnight, as the CDM asks
    v.visit_end_date,
    CAST(v.visit_end_date AS TIMESTAMP) AS visit_end_datetime,
    coalesce(k.concept_id, 0) AS visit_type_concept_id,
    p.provider_id,
    s.care_site_id,
    left(v.visit_source_value, 50) AS visit_source_value,
    coalesce(v.visit_source_concept_id, 0) AS visit_source_concept_id,
    -- NULL: nobody says from where; 0: the code has no concept (home, as the CDM asks, and codes without target)
    CASE WHEN v.admitted_from IS NOT NULL THEN coalesce(a.target_concept_id, 0) END AS admitted_from_concept_id,
    left(v.admitted_from, 50) AS admitted_from_source_value,
    CASE WHEN v.discharged_to IS NOT NULL THEN coalesce(d.target_concept_id, 0) END AS discharged_to_concept_id,
    left(v.discharged_to, 50) AS discharged_to_source_value,
    -- The visit before may lie in a year that is not computed now.
    CAST(NULL AS BIGINT) AS preceding_visit_occurrence_id
FROM visits v
LEFT JOIN provider_ids p ON p.provider = v.provider
LEFT JOIN site_ids s ON s.site = v.site
LEFT JOIN code_lists k ON k.code_list = 'SNDS_TYPE' AND k.code = v.type
LEFT JOIN code_map a
  ON a.nomenclature = v.admitted_from_list AND a.code = v.admitted_from AND a.place = 1
 AND v.visit_start_date BETWEEN a.valid_start_date AND a.valid_end_date
LEFT JOIN code_map d
  ON d.nomenclature = v.discharged_to_list AND d.code = v.discharged_to AND d.place = 1
 AND v.visit_start_date BETWEEN d.valid_start_date AND d.valid_end_date
