-- The records of a table of events that have the concept 0, whenever they are, and the persons who have them: a row per
-- source value.
SELECT
    '{table}' AS table_name, '{source_value}' AS column_name, source_value,
    SUM(records) AS records, COUNT(*) AS persons
FROM (SELECT source_value, person_id, COUNT(*) AS records FROM {rows} WHERE concept = 0 GROUP BY source_value, person_id)
GROUP BY source_value
