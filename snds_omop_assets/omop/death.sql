-- DEATH: one row per person who died.
-- Day:   the certificate of the CépiDc, else IR_BEN_R and the claims (step persons), else the end of a stay that ended
--        by death (SOR_MOD 9). Where only the month is told (BEN_DCD_AME), the day that another of them tells in that
--        month, else its last day.
-- Who comes back did not die: of several such stays the last one counts, and none where another stay begins later, or
-- any visit more than 60 days later (claims are sent late; 60 days are those of OHDSI's plausibleBeforeDeath).
-- Cause: the initial cause of the certificate (DCD_CIM_COD); NULL without a certificate, 0 where it has no concept.
-- Sources of deaths: Health Data Hub: dates_de_deces.

WITH left_dead AS (
    SELECT person_id, max(day) AS day FROM person_facts WHERE kind = 'death' AND day IS NOT NULL GROUP BY person_id
),

came_back AS (
    SELECT DISTINCT s.person_id
    FROM left_dead s
    JOIN visit_occurrence v ON v.person_id = s.person_id
    LEFT JOIN code_lists t
        ON t.code_list = 'SNDS_TYPE' AND t.code = 'pmsi_stay' AND t.concept_id = v.visit_type_concept_id
    WHERE v.visit_start_date > s.day + CAST(60 AS INT) OR (v.visit_start_date > s.day AND t.code IS NOT NULL)
),

told AS (
    SELECT person_id, day, day_is_told, code, source_value, 'death_certificate' AS type, 1 AS place
    FROM certificates
    WHERE rule = 'death'
    UNION ALL
    SELECT
        person_id, coalesce(death_date, end_of_month(death_month)), death_date IS NOT NULL, NULL, NULL, 'claim', 2
    FROM persons
    WHERE coalesce(death_date, end_of_month(death_month)) IS NOT NULL
    UNION ALL
    SELECT person_id, day, TRUE, NULL, NULL, 'pmsi_stay', 3
    FROM left_dead
    WHERE NOT EXISTS (SELECT 1 FROM came_back c WHERE c.person_id = left_dead.person_id)
),

first_told AS (
    SELECT * FROM told
    QUALIFY row_number() OVER (PARTITION BY person_id ORDER BY place) = 1
),

days_of_month AS (
    SELECT person_id, last_day(day) AS month_end, day FROM told
    WHERE day_is_told
    QUALIFY row_number() OVER (PARTITION BY person_id, last_day(day) ORDER BY place) = 1
),

dated AS (
    SELECT f.person_id, f.code, f.source_value, f.type, coalesce(m.day, f.day) AS day
    FROM first_told f
    LEFT JOIN days_of_month m ON m.person_id = f.person_id AND m.month_end = last_day(f.day)
)

SELECT
    d.person_id,
    d.day AS death_date,
    CAST(d.day AS TIMESTAMP) AS death_datetime,
    coalesce(t.concept_id, 0) AS death_type_concept_id,
    CASE WHEN d.code IS NOT NULL THEN coalesce(m.target_concept_id, 0) END AS cause_concept_id,
    d.source_value AS cause_source_value,
    CASE WHEN d.code IS NOT NULL THEN coalesce(m.source_concept_id, 0) END AS cause_source_concept_id
FROM dated d
LEFT JOIN code_lists t ON t.code_list = 'SNDS_TYPE' AND t.code = d.type
LEFT JOIN code_map m
    ON m.nomenclature = 'CIM10' AND m.code = d.code AND m.place = 1
    AND greatest(least(d.day, DATE '2099-12-31'), DATE '1900-01-01') BETWEEN m.valid_start_date AND m.valid_end_date
