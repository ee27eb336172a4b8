-- Rows are long-term diseases, as events of no visit.
-- End: NULL where none is known (1600-01-01), for life (2099-12-31), after the data, or before the start.

SELECT
    omop_id('long_term_disease', CAST(r.person_id AS STRING), r.code, r.nature, CAST(r.start_date AS STRING))
        AS event_id,
    r.person_id,
    CAST(NULL AS BIGINT) AS visit_occurrence_id,
    CAST(NULL AS BIGINT) AS visit_detail_id,
    'IR_IMB_R' AS origin,
    'CIM10' AS nomenclature,
    r.code,
    r.source_value,
    r.start_date,
    CASE
        WHEN r.end_date BETWEEN r.start_date AND b.data_end AND year(r.end_date) NOT IN (1600, 2099) THEN r.end_date
    END AS end_date,
    'claim' AS type,
    'ALD' AS status,
    CAST(NULL AS DOUBLE) AS quantity,
    CAST(NULL AS BIGINT) AS days_supply,
    CAST(NULL AS BIGINT) AS refills,
    CAST(NULL AS STRING) AS unit,
    CAST(NULL AS STRING) AS provider,
    CAST(NULL AS STRING) AS modifier,
    CAST(NULL AS DOUBLE) AS total,
    CAST(NULL AS DOUBLE) AS payer
FROM long_term_rows r
CROSS JOIN base b
WHERE r.rule = 'long_term_disease'
