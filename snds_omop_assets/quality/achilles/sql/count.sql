-- One analysis that counts persons or records: a row per cell, with the persons behind it. Grouped twice, because counts
-- of different values must fit into memory, and groups need not.
SELECT {analysis_id} AS analysis_id, {texts}, {count_value} AS count_value, COUNT(*) AS persons
FROM (
    SELECT {cell}, person_id, {records} AS records
    FROM (SELECT {strata}, * FROM {source} WHERE {where})
    GROUP BY {cell}, person_id
)
GROUP BY {cell}
