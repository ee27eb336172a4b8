-- One analysis of a source that has counted persons, each in one of the rows of a cell, and perhaps their records: a row
-- per cell. Of counts of rows the persons mean nothing, and nobody asks for them.
SELECT
    {analysis_id} AS analysis_id, {texts},
    CAST(SUM({counted}) AS BIGINT) AS count_value, CAST(SUM(persons) AS BIGINT) AS persons
FROM (SELECT {strata}, * FROM {source} WHERE {where})
GROUP BY {cell}
