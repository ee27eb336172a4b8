-- DEATH: one row per person who died.
-- Day:   the certificate of the CépiDc, else IR_BEN_R and the claims (step persons), else the end of a stay that ended
--        by death (SOR_MOD 9). Of several stays the last one counts: who comes back did not die.
-- Cause: the initial cause of the certificate (DCD_CIM_COD); NULL without a certificate, 0 where it has no concept.
-- Sources of deaths: Health Data Hub: dates_de_deces.

WITH stayed AS (
    SELECT person_id, max(day) AS day FROM person_facts WHERE kind = 'death' GROUP BY person_id
),

told AS (
    SELECT person_id, day, code, source_value, 'death_certificate' AS type, 1 AS place
    FROM certificates
    WHERE rule = 'death'
    UNION ALL
    SELECT person_id, death_date, NULL, NULL, 'claim', 2 FROM persons WHERE death_date IS NOT NULL
    UNION ALL
    SELECT person_id, day, NULL, NULL, 'pmsi_stay', 3 FROM stayed WHERE day IS NOT NULL
),

first_told AS (
    SELECT * FROM told
    QUALIFY row_number() OVER (PARTITION BY person_id ORDER BY place) = 1
)

SELECT
    d.person_id,
    d.day AS death_date,
    CAST(d.day AS TIMESTAMP) AS death_datetime,
    coalesce(t.concept_id, 0) AS death_type_concept_id,
    CASE WHEN d.code IS NOT NULL THEN coalesce(m.target_concept_id, 0) END AS cause_concept_id,
    d.source_value AS cause_source_value,
    CASE WHEN d.code IS NOT NULL THEN coalesce(m.source_concept_id, 0) END AS cause_source_concept_id
FROM first_told d
LEFT JOIN code_lists t ON t.code_list = 'SNDS_TYPE' AND t.code = d.type
LEFT JOIN code_map m
    ON m.nomenclature = 'CIM10' AND m.code = d.code AND m.place = 1
    AND greatest(least(d.day, DATE '2099-12-31'), DATE '1900-01-01') BETWEEN m.valid_start_date AND m.valid_end_date
