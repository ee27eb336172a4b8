-- One analysis of how values are spread: a row per cell, with the persons behind it. A percentile is the least value that
-- so many percent of the values do not exceed. It is told only where enough persons have a value up to it, and enough
-- one from it on: the least value of all is told if enough persons have it.
WITH given AS (
    SELECT {cell}, person_id, value, COUNT(*) AS n
    FROM (SELECT {strata}, person_id, CAST({value} AS DOUBLE) AS value FROM {source} WHERE {where})
    WHERE value IS NOT NULL
    GROUP BY {cell}, person_id, value
),

persons AS (
    SELECT {cell}, MIN(value) AS least, MAX(value) AS greatest FROM given GROUP BY {cell}, person_id
),

-- How often there is each value, and for how many persons it is the least or the greatest of theirs.
counted AS (
    SELECT {cell}, value, SUM(n) AS n, SUM(least) AS least, SUM(greatest) AS greatest
    FROM (
        SELECT {cell}, value, n, 0 AS least, 0 AS greatest FROM given
        UNION ALL
        SELECT {cell}, least, 0, 1, 0 FROM persons
        UNION ALL
        SELECT {cell}, greatest, 0, 0, 1 FROM persons
    )
    GROUP BY {cell}, value
),

summed AS (
    SELECT
        {cell}, value, CAST(n AS DOUBLE) AS n,
        CAST(SUM(n) OVER (PARTITION BY {cell} ORDER BY value ROWS UNBOUNDED PRECEDING) AS DOUBLE) AS up_to,
        CAST(SUM(n) OVER (PARTITION BY {cell}) AS DOUBLE) AS total,
        SUM(least) OVER (PARTITION BY {cell} ORDER BY value ROWS UNBOUNDED PRECEDING) AS persons_up_to,
        SUM(greatest) OVER (PARTITION BY {cell} ORDER BY value DESC ROWS UNBOUNDED PRECEDING) AS persons_from,
        SUM(least) OVER (PARTITION BY {cell}) AS persons
    FROM counted
),

marked AS (
    SELECT
        {cell}, value, n, up_to, total, persons,
        100 * (up_to - n) / total AS below,
        100 * up_to / total AS up_to_percent,
        persons_up_to >= {small_cell} AND persons_from >= {small_cell} AS told
    FROM summed
)

SELECT
    {analysis_id} AS analysis_id, {texts},
    CAST(MAX(total) AS BIGINT) AS count_value,
    MAX(CASE WHEN told AND up_to = n THEN value END) AS min_value,
    MAX(CASE WHEN told AND up_to = total THEN value END) AS max_value,
    SUM(n * value) / SUM(n) AS avg_value,
    CASE
        WHEN SUM(n) > 1
        THEN SQRT(GREATEST(SUM(n * value * value) - SUM(n * value) * SUM(n * value) / SUM(n), 0) / (SUM(n) - 1))
    END AS stdev_value,
    MAX(CASE WHEN told AND below < 50 AND up_to_percent >= 50 THEN value END) AS median_value,
    MAX(CASE WHEN told AND below < 10 AND up_to_percent >= 10 THEN value END) AS p10_value,
    MAX(CASE WHEN told AND below < 25 AND up_to_percent >= 25 THEN value END) AS p25_value,
    MAX(CASE WHEN told AND below < 75 AND up_to_percent >= 75 THEN value END) AS p75_value,
    MAX(CASE WHEN told AND below < 90 AND up_to_percent >= 90 THEN value END) AS p90_value,
    CAST(MAX(persons) AS BIGINT) AS persons
FROM marked
GROUP BY {cell}
