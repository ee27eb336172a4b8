-- stays/stay events (EVENTS): diagnoses, acts and goods of the visits, each once.
-- A diagnosis holds for the stay, an act, a laboratory act and a drug one day; no end of a device is known.

SELECT
    omop_id('event', 'stay diagnosis', CAST(visit_id AS STRING), role, plain_code) AS event_id,
    person_id,
    visit_id AS visit_occurrence_id,
    passage_id AS visit_detail_id,
    source_table AS origin,
    'CIM10' AS nomenclature,
    code,
    source_value,
    entry AS start_date,
    CAST(NULL AS DATE) AS end_date,
    type,
    status,
    CAST(1 AS DOUBLE) AS quantity,
    CAST(NULL AS BIGINT) AS days_supply,
    CAST(NULL AS BIGINT) AS refills,
    CAST(NULL AS STRING) AS unit,
    CAST(NULL AS STRING) AS provider,
    CAST(NULL AS STRING) AS modifier,
    CAST(NULL AS DOUBLE) AS total,
    CAST(NULL AS DOUBLE) AS payer
FROM stay_diagnoses
UNION ALL
SELECT
    omop_id(
        'event', 'stay act', CAST(visit_id AS STRING), code, CAST(day AS STRING), CAST(phase AS STRING),
        CAST(place AS STRING)
    ),
    person_id,
    visit_id,
    passage_id,
    source_table,
    'CCAM',
    code,
    source_value,
    day,
    day,
    type,
    CAST(NULL AS STRING),
    quantity,
    CAST(NULL AS BIGINT),
    CAST(NULL AS BIGINT),
    CAST(NULL AS STRING),
    CAST(NULL AS STRING),
    coalesce(CAST(activity AS STRING), '') || '/' || CAST(phase AS STRING),
    CAST(NULL AS DOUBLE),
    CAST(NULL AS DOUBLE)
FROM stay_acts
WHERE NOT same_act
UNION ALL
SELECT
    omop_id('event', 'stay good', CAST(visit_id AS STRING), nomenclature, code, CAST(day AS STRING)),
    person_id,
    visit_id,
    passage_id,
    source_table,
    nomenclature,
    code,
    source_value,
    day,
    CASE WHEN nomenclature <> 'LPP' THEN day END,
    type,
    CAST(NULL AS STRING),
    quantity,
    CASE WHEN nomenclature = 'UCD' THEN CAST(1 AS BIGINT) END,
    CAST(NULL AS BIGINT),
    CAST(NULL AS STRING),
    CAST(NULL AS STRING),
    CAST(NULL AS STRING),
    CAST(NULL AS DOUBLE),
    CAST(NULL AS DOUBLE)
FROM stay_goods
