-- stays/stay diagnoses: one row per visit, code and role (main, related, associated), in however many rows it stands.
-- A French extension (+) does not make it another code. The first row says its status, the first unit that has it
-- where.

SELECT
    visit_id,
    role,
    split_part(code, '+', 1) AS plain_code,
    min(person_id) AS person_id,
    min(entry) AS entry,
    min(type) AS type,
    min(code) AS code,
    min(source_value) AS source_value,
    min_by(status, place) AS status,
    min_by(source_table, place) AS source_table,
    min_by(file_year, place) AS file_year,
    min_by(counted, place) AS counted,
    min_by(passage_id, place) FILTER (WHERE passage_id IS NOT NULL) AS passage_id
FROM stay_told
WHERE kind = 'diagnosis'
GROUP BY visit_id, role, split_part(code, '+', 1)
