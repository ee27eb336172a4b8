-- prepared/establishments: one row per site (by its FINESS of nine characters) and per medical unit of a site.
-- Sites are those that send stays (T_MCO_E, ...) and those that the facts mention (met_places); BE_IDE_R only names them.
-- Department from the FINESS: its first two characters; overseas 97 and the fourth; Mayotte 98 (HDH ref_etab).
WITH sites AS (
    SELECT code AS finess FROM met_places WHERE kind = 'site'
    UNION
    SELECT part_of FROM met_places WHERE kind = 'unit' AND part_of IS NOT NULL
    UNION
    SELECT finess FROM named_sites WHERE list < 5 AND finess IS NOT NULL
), placed AS (
    SELECT
        s.finess,
        coalesce(n.finess_delivered, s.finess) AS finess_delivered,
        n.name,
        CASE
            WHEN substr(s.finess, 1, 2) = '97' THEN '97' || substr(s.finess, 4, 1)
            WHEN substr(s.finess, 1, 2) = '98' THEN '976'
            ELSE substr(s.finess, 1, 2)
        END AS finess_department
    FROM sites s
    LEFT JOIN named_sites n ON n.finess = s.finess AND n.place = 1
), known AS (
    SELECT p.finess, p.finess_delivered, p.name, d.department
    FROM placed p
    LEFT JOIN departments d ON d.department = p.finess_department
), units AS (
    -- A unit of one type is one place, whoever mentions it.
    SELECT code, min(part_of) AS part_of, min(type_code) AS type_code
    FROM met_places
    WHERE kind = 'unit'
    GROUP BY code
)

SELECT finess AS code, finess, finess_delivered, name, department, CAST(NULL AS STRING) AS unit_type FROM known
UNION ALL
SELECT
    u.code,
    u.part_of,
    u.code,
    concat_ws(' - ', k.name, u.type_code),
    k.department,
    u.type_code
FROM units u
LEFT JOIN known k ON k.finess = u.part_of
