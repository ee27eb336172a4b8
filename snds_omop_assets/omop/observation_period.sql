-- OBSERVATION_PERIOD: one row per person who has a visit.
-- From the later of the first record and the first day of the data, to the earlier of its last day and death.
-- The records are visits: every event of care has one, and long-term diseases and deaths open no period.
-- Who dies before the data begin, or is met only after their end, is not observed.

WITH met AS (
    SELECT person_id, min(visit_start_date) AS first_day FROM visit_occurrence GROUP BY person_id
),

bounded AS (
    SELECT
        m.person_id,
        greatest(m.first_day, b.data_start) AS first_day,
        least(b.data_end, d.death_date) AS last_day
    FROM met m
    CROSS JOIN base b
    LEFT JOIN deaths d ON d.person_id = m.person_id
)

SELECT
    omop_id('observation_period', CAST(p.person_id AS STRING)) AS observation_period_id,
    p.person_id,
    p.first_day AS observation_period_start_date,
    p.last_day AS observation_period_end_date,
    coalesce(t.concept_id, 0) AS period_type_concept_id
FROM bounded p
LEFT JOIN code_lists t ON t.code_list = 'SNDS_TYPE' AND t.code = 'observation_period'
WHERE p.first_day <= p.last_day
