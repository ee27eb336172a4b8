-- A row is a number of rows of IR_BEN_R or IR_BEN_R_ARC by the rule by which they end: preparation/shapes.py COUNTS.

SELECT
    r.source AS source_table,
    CAST(NULL AS INT) AS file_year,
    coalesce(r.rule, k.rule, 'person') AS rule,
    count(*) AS row_count
FROM referential_rows r
JOIN whose w ON w.identifier = r.identifier
LEFT JOIN keys k ON k.person = w.person
GROUP BY r.source, coalesce(r.rule, k.rule, 'person')
