-- stays/stay goods: one row per visit, code and day: drugs, devices, laboratory and rehabilitation acts, quantities
-- summed.
-- Two drugs stand in MED and MEDATU both: there, MEDATU does not count (HDH medicaments_de_la_liste_en_sus).

WITH marked AS (
    SELECT
        *,
        nomenclature = 'UCD' AND source_table LIKE '%MEDATU'
            AND (code LIKE '%9261104' OR code LIKE '%9261110') AS perhaps_twice
    FROM stay_told
    WHERE kind = 'good'
)
SELECT
    visit_id,
    nomenclature,
    code,
    day,
    min(person_id) AS person_id,
    min(type) AS type,
    min(source_table) AS source_table,
    min(source_value) AS source_value,
    min(passage_id) AS passage_id,
    CASE
        WHEN count(*) FILTER (WHERE NOT perhaps_twice) > 0
            THEN CAST(sum(CAST(quantity AS DECIMAL(18, 6))) FILTER (WHERE NOT perhaps_twice) AS DOUBLE)
        ELSE CAST(sum(CAST(quantity AS DECIMAL(18, 6))) AS DOUBLE)
    END AS quantity
FROM marked
GROUP BY visit_id, nomenclature, code, day
