-- Rows are rows of KI_ECD_R, the causes on the lines of a certificate, each with its rule.
-- A cause follows its certificate of KI_CCI_R (DCD_IDT_ENC), which tells who died and when.

WITH known AS (
    SELECT
        DCD_IDT_ENC, min(person_id) AS person_id, min(day) AS day, min(code) AS initial_code, min(rule) AS rule
    FROM certificates
    GROUP BY DCD_IDT_ENC
)

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
    END AS rule
FROM KI_ECD_R e
LEFT JOIN known k ON k.DCD_IDT_ENC = e.DCD_IDT_ENC
