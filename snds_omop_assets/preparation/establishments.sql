-- prepared/establishments: one row per establishment, by its FINESS of nine characters, with its department.
-- Source: T_MCO_E. The name is the one of the last year (T_MCO14E after T_MCO13E).
-- Department from the FINESS: its first two characters; overseas 97 and the fourth; Mayotte 98 (HDH ref_etab).

WITH ranked AS (
    SELECT
        ETA_NUM AS finess,
        ETA_NUM_DELIVERED AS finess_delivered,
        SOC_RAI AS name,
        CASE
            WHEN substr(ETA_NUM, 1, 2) = '97' THEN '97' || substr(ETA_NUM, 4, 1)
            WHEN substr(ETA_NUM, 1, 2) = '98' THEN '976'
            ELSE substr(ETA_NUM, 1, 2)
        END AS finess_department,
        row_number() OVER (
            PARTITION BY ETA_NUM
            -- The two last digits of the year in the file's name: T_MCO09E, T_MCO2010E
            ORDER BY regexp_extract(upper(source_file), '([0-9]{2})E[.]', 1) DESC, source_file, source_line
        ) AS state
    FROM t_mco_e
)

SELECT
    CASE WHEN r.state > 1 THEN 'same establishment' ELSE 'kept' END AS bucket,
    r.finess,
    r.finess_delivered,
    r.name,
    d.department
FROM ranked r
LEFT JOIN departments d ON d.department = r.finess_department
