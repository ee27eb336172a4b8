-- The rows of a table of events that have the concept 0, whenever they are.
SELECT '{table}' AS table_name, '{source_value}' AS column_name, source_value, person_id, 1 AS records
FROM {rows}
WHERE concept = 0
