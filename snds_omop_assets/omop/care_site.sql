-- CARE_SITE: one row per site, and one per medical unit of a site. Runs in SQLite.

SELECT
    omop_id('care_site', e.code) AS care_site_id,
    substr(trim(e.name), 1, 255) AS care_site_name,
    COALESCE(t.concept_id, 0) AS place_of_service_concept_id,
    CASE WHEN e.department IS NOT NULL THEN omop_id('location', e.department) END AS location_id,
    substr(e.finess_delivered, 1, 50) AS care_site_source_value,
    substr(e.unit_type, 1, 50) AS place_of_service_source_value
FROM establishments e
LEFT JOIN unit_types t ON t.code = e.unit_type
ORDER BY e.code
