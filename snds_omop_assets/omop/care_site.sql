-- CARE_SITE: one row per establishment. Runs in SQLite.

SELECT
    omop_id('care_site', finess) AS care_site_id,
    trim(name) AS care_site_name,
    0 AS place_of_service_concept_id,
    CASE WHEN department IS NOT NULL THEN omop_id('location', department) END AS location_id,
    finess_delivered AS care_site_source_value,
    CAST(NULL AS TEXT) AS place_of_service_source_value
FROM establishments
ORDER BY finess
