-- stays/external diagnoses: external care has none.

SELECT
    CAST(NULL AS STRING) AS source_table,
    CAST(NULL AS STRING) AS hospital,
    CAST(NULL AS STRING) AS number,
    CAST(NULL AS STRING) AS passage,
    CAST(NULL AS BOOLEAN) AS counted,
    CAST(NULL AS STRING) AS status,
    CAST(NULL AS STRING) AS role,
    CAST(NULL AS INT) AS place_of_table,
    CAST(NULL AS STRING) AS code
WHERE FALSE
