-- Rows are rows of KI_ECD_R, the causes on the lines of a certificate, of the year of care, each with its rule.
-- A cause follows its certificate of KI_CCI_R (DCD_IDT_ENC), which tells who died and when.

WITH known AS (
    SELECT
        DCD_IDT_ENC, min(person_id) AS person_id, min(day) AS day, min(code) AS initial_code, min(rule) AS rule,
        min(care_year) AS care_year
    FROM certificates
    GROUP BY DCD_IDT_ENC
),

told AS (
    SELECT
        k.person_id,
        k.day,
        k.initial_code,
        replace(upper(trim(e.ECD_CIM_COD)), '.', '') AS code,
        e.ECD_CIM_COD AS source_value,
        CASE
            WHEN k.DCD_IDT_ENC IS NULL THEN 'no_certificate'
            WHEN k.rule <> 'death' THEN k.rule
            WHEN e.ECD_CIM_COD IS NULL THEN 'no_code'
            ELSE 'death'
        END AS rule,
        coalesce(k.care_year, b.first_year) AS care_year
    FROM KI_ECD_R e
    LEFT JOIN known k ON k.DCD_IDT_ENC = e.DCD_IDT_ENC
    CROSS JOIN base b
)

SELECT t.person_id, t.day, t.initial_code, t.code, t.source_value, t.rule
FROM told t
JOIN base b ON b.care_year = t.care_year
