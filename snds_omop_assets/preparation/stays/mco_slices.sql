-- stays/mco slices: one row per passage in a medical unit (T_MCO_UM).
-- A passage begins when those before it have lasted: PAR_DUR_SEJ (until 2010 PAR_NBR_SEJ) summed in the order of
-- UM_ORD_NUM (HDH visit_detail).
-- On the day of a move the patient belongs to the second unit: until_day is the day before the next passage.
-- A number that stands twice names one passage only.

WITH ordered AS (
    SELECT
        um.ETA_NUM AS hospital,
        um.RSA_NUM AS number,
        um.UM_ORD_NUM,
        {entry} AS entry,
        coalesce(um.PAR_DUR_SEJ, um.PAR_NBR_SEJ, 0) AS days,
        coalesce(um.ETA_NUM_GEO, um.ETA_NUM_GEO1, um.ETA_NUM) AS site,
        nullif(upper(trim(um.AUT_TYP1_UM)), '') AS unit_type,
        row_number() OVER (
            PARTITION BY um.ETA_NUM, um.RSA_NUM
            ORDER BY TRY_CAST(um.UM_ORD_NUM AS INT) NULLS LAST, um.UM_ORD_NUM NULLS LAST, um.AUT_TYP1_UM NULLS LAST,
                um.PAR_DUR_SEJ NULLS LAST
        ) AS place,
        row_number() OVER (
            PARTITION BY um.ETA_NUM, um.RSA_NUM, um.UM_ORD_NUM
            ORDER BY um.AUT_TYP1_UM NULLS LAST, um.PAR_DUR_SEJ NULLS LAST
        ) AS again
    FROM T_MCO_UM um
    JOIN T_MCO_C c ON c.ETA_NUM = um.ETA_NUM AND c.RSA_NUM = um.RSA_NUM
),
dated AS (
    SELECT
        *,
        entry + CAST(sum(days) OVER (PARTITION BY hospital, number ORDER BY place) - days AS INT) AS first_day,
        entry + CAST(sum(days) OVER (PARTITION BY hospital, number ORDER BY place) AS INT) AS last_day
    FROM ordered
)
SELECT
    hospital,
    number,
    CASE WHEN again = 1 THEN UM_ORD_NUM END AS passage,
    CAST(place AS INT) AS place,
    first_day AS origin,
    first_day,
    last_day,
    coalesce(lead(first_day) OVER (PARTITION BY hospital, number ORDER BY place) - 1, last_day) AS until_day,
    site,
    unit_type,
    'AUT_TYP1_UM' AS unit_type_list,
    CAST(NULL AS STRING) AS rule
FROM dated
