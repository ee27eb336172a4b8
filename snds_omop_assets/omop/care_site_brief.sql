-- The care sites under the names that the exercise uses; a view beside the table care_site.

CREATE VIEW care_site_brief AS
SELECT care_site_id AS cc_site_id, care_site_name, location_id, care_site_source_value
FROM care_site
