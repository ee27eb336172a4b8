-- stays/told rows: everything that the tables of a field say, in one shape: rows that say the stay, diagnoses, acts,
-- goods.
-- A row of the source is counted once; a row that says several things has one counted row here.

SELECT
    source_table,
    hospital,
    number,
    passage,
    FALSE AS of_passage,
    TRUE AS counted,
    'line' AS kind,
    first_rule,
    then_rule,
    CAST(NULL AS STRING) AS nomenclature,
    CAST(NULL AS STRING) AS code,
    CAST(NULL AS BIGINT) AS delay,
    CAST(NULL AS DOUBLE) AS quantity,
    CAST(NULL AS STRING) AS status,
    CAST(NULL AS STRING) AS role,
    0 AS place_of_table,
    CAST(NULL AS INT) AS activity,
    CAST(NULL AS INT) AS phase
FROM told_lines
UNION ALL
SELECT source_table, hospital, number, passage, FALSE, counted, 'diagnosis', NULL, NULL, 'CIM10', code, NULL, 1, status,
    role, place_of_table, NULL, NULL
FROM told_diagnoses
UNION ALL
SELECT source_table, hospital, number, passage, of_passage, TRUE, 'act', NULL, NULL, 'CCAM', code, delay, quantity,
    NULL, NULL, 0, activity, phase
FROM told_acts
UNION ALL
SELECT source_table, hospital, number, passage, of_passage, counted, 'good', NULL, NULL, nomenclature, code, delay,
    quantity, NULL, NULL, 0, NULL, NULL
FROM told_goods
