-- Rows are the sites that the year's visits mention, each once: `site` (FINESS with its key) and its `care_site_id`.
SELECT site, omop_id('care_site', site) AS care_site_id
FROM (SELECT DISTINCT site FROM visits WHERE site IS NOT NULL) AS met
