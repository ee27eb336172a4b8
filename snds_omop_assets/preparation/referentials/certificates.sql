-- Rows are rows of KI_CCI_R, one per death, each with the person, the day, and the rule by which it ends.
-- A row without BEN_IDT_ANO was not matched by the CépiDc; one whose BEN_IDT_ANO nobody here has is no better.
-- Day: BEN_DCD_DTE; where a project was given the month only (BEN_DCD_AME), its last day, so that no care follows it.
-- A person dies once: of several certificates the first day counts.

WITH dated AS (
    SELECT *, coalesce(BEN_DCD_DTE, end_of_month(BEN_DCD_AME)) AS day FROM KI_CCI_R
),

ordered AS (
    SELECT
        d.DCD_IDT_ENC,
        d.day,
        d.BEN_DCD_DTE IS NOT NULL AS day_is_told,
        replace(upper(trim(d.DCD_CIM_COD)), '.', '') AS code,
        d.DCD_CIM_COD AS source_value,
        k.person_id,
        CASE
            WHEN k.death_key IS NULL THEN 'unmatched_death'
            WHEN k.person_id IS NULL THEN coalesce(k.rule, 'unmatched_death')
            WHEN d.day IS NULL THEN 'no_care_date'
        END AS rule,
        row_number() OVER (
            PARTITION BY k.person_id ORDER BY d.day NULLS LAST, d.DCD_IDT_ENC, d.source_file, d.source_line
        ) AS place
    FROM dated d
    LEFT JOIN death_keys k ON k.death_key = d.BEN_IDT_ANO
)

SELECT
    DCD_IDT_ENC, person_id, day, day_is_told, code, source_value,
    CASE WHEN rule IS NOT NULL THEN rule WHEN place > 1 THEN 'same_death' ELSE 'death' END AS rule
FROM ordered
