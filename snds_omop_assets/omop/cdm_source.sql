-- CDM_SOURCE: one row, what the base is (the view source_info).

SELECT
    cdm_source_name, cdm_source_abbreviation, cdm_holder, source_description, source_documentation_reference,
    cdm_etl_reference, source_release_date, cdm_release_date,
    'v5.4' AS cdm_version,
    CAST(756265 AS BIGINT) AS cdm_version_concept_id,  -- OMOP CDM Version 5.4.0
    vocabulary_version
FROM source_info
