-- stays/external slices: external care has no units and no weeks.

SELECT
    CAST(NULL AS STRING) AS hospital,
    CAST(NULL AS STRING) AS number,
    CAST(NULL AS STRING) AS passage,
    CAST(NULL AS INT) AS place,
    CAST(NULL AS DATE) AS origin,
    CAST(NULL AS DATE) AS first_day,
    CAST(NULL AS DATE) AS last_day,
    CAST(NULL AS DATE) AS until_day,
    CAST(NULL AS STRING) AS site,
    CAST(NULL AS STRING) AS unit_type,
    CAST(NULL AS STRING) AS unit_type_list,
    CAST(NULL AS STRING) AS rule
WHERE FALSE
