-- One analysis of a source that has counted persons, each in one of the rows of a cell: a row per cell.
SELECT
    {analysis_id} AS analysis_id, {texts},
    CAST(SUM(persons) AS BIGINT) AS count_value, CAST(SUM(persons) AS BIGINT) AS persons
FROM (SELECT {strata}, * FROM {source} WHERE {where})
GROUP BY s1, s2, s3, s4
