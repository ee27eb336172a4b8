-- Rows are rows of IR_IMB_R, each with the rule by which it ends.
-- Only the last state of a disease counts: a renewal adds a row and leaves the old one. States are those of one person,
-- code, nature and start; the last is the one inserted or seen last (Health Data Hub: beneficiaires_ald).
-- Natures 41, 43 and 45 are long-term diseases; accidents at work, occupational diseases and invalidity are none.

WITH ordered AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY person_id, code, nature, start_date
            ORDER BY state_date DESC NULLS LAST, end_date DESC NULLS LAST, source_file, source_line
        ) AS state
    FROM identified
)

SELECT
    person_id, nature, code, source_value, start_date, end_date,
    CASE
        WHEN rule IS NOT NULL THEN rule
        WHEN start_date IS NULL THEN 'no_care_date'
        WHEN nature IS NULL OR nature NOT IN ('41', '43', '45') THEN 'no_long_term_disease'
        -- The dummy code is 9999, and a list that is not the CIM-10 has no concepts here.
        WHEN code IS NULL OR NOT substr(code, 1, 1) BETWEEN 'A' AND 'Z' THEN 'no_code'
        WHEN state > 1 THEN 'older_state'
        ELSE 'long_term_disease'
    END AS rule
FROM ordered
