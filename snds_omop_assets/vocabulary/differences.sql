-- What changes for the codes of a base between two answers; see vocabulary/differences.py.
--
-- differences_occurrences   place, nomenclature, code, event_date, person: a row per source row that holds a code
-- differences_old, _new     the answers (CODE_MAP)
-- differences_codes         nomenclature, code, label, rows (SOURCE_CODES)
-- differences_lists         nomenclature, domain
-- differences_tables        domain_id, cdm_table
-- small_cell                variable: counts of persons below it are hidden

CREATE OR REPLACE TEMP MACRO differences_few(n) AS coalesce(n > 0 AND n < getvariable('small_cell'), false);

-- The answer of a code in a period is a set: all its targets, with domain and value.
CREATE OR REPLACE TEMP TABLE differences_answers AS
WITH both_sides AS (
    SELECT 'old' AS side, * FROM differences_old
    UNION ALL
    SELECT 'new' AS side, * FROM differences_new
)
SELECT b.side, b.nomenclature, b.code, b.valid_start_date, b.valid_end_date,
       list_sort(list(DISTINCT concat_ws('|', b.target_concept_id, b.target_domain_id, coalesce(b.value_as_concept_id, 0))))
           AS answer,
       list_sort(list(DISTINCT b.target_concept_id)) AS targets,
       list_sort(list(DISTINCT b.target_domain_id)) AS domains,
       list_sort(list(DISTINCT coalesce(b.value_as_concept_id, 0))) AS value_ids,
       list_sort(list(DISTINCT coalesce(t.cdm_table, 'observation'))) AS cdm_tables,
       list_sort(list(DISTINCT b.status)) AS statuses
FROM both_sides b LEFT JOIN differences_tables t ON t.domain_id = b.target_domain_id
GROUP BY b.side, b.nomenclature, b.code, b.valid_start_date, b.valid_end_date;

-- Both answers of the codes whose answers differ, between the days on which one of them may change.
-- A day that an answer does not tell is unmapped.
CREATE OR REPLACE TEMP TABLE differences_sides AS
WITH differing AS (
    SELECT DISTINCT nomenclature, code
    FROM (
        SELECT nomenclature, code
        FROM differences_answers
        GROUP BY nomenclature, code, valid_start_date, valid_end_date, answer, statuses
        HAVING count(*) = 1
    )
), days AS (
    SELECT nomenclature, code, valid_start_date AS day FROM differences_answers SEMI JOIN differing USING (nomenclature, code)
    UNION
    SELECT nomenclature, code, valid_end_date + 1 FROM differences_answers SEMI JOIN differing USING (nomenclature, code)
    WHERE valid_end_date < DATE '2099-12-31'  -- the end of all time in OMOP
), unmapped AS (
    SELECT d.nomenclature, d.code, d.day, coalesce(l.domain, 'Observation') AS domain_id,
           coalesce(t.cdm_table, 'observation') AS cdm_table
    FROM days d
    LEFT JOIN differences_lists l ON l.nomenclature = d.nomenclature
    LEFT JOIN differences_tables t ON t.domain_id = coalesce(l.domain, 'Observation')
)
SELECT u.nomenclature, u.code, u.day, s.side,
       coalesce(a.answer, ['0|' || u.domain_id || '|0']) AS answer,
       coalesce(a.targets, [0::BIGINT]) AS targets,
       coalesce(a.domains, [u.domain_id]) AS domains,
       coalesce(a.value_ids, [0::BIGINT]) AS value_ids,
       coalesce(a.cdm_tables, [u.cdm_table]) AS cdm_tables,
       coalesce(a.statuses, ['unmapped']) AS statuses
FROM unmapped u
CROSS JOIN (VALUES ('old'), ('new')) s(side)
LEFT JOIN differences_answers a
  ON a.side = s.side AND a.nomenclature = u.nomenclature AND a.code = u.code
 AND u.day BETWEEN a.valid_start_date AND a.valid_end_date;

CREATE OR REPLACE TEMP TABLE differences_changes AS
WITH days AS (
    SELECT o.nomenclature, o.code, o.day, o AS old_side, n AS new_side
    FROM differences_sides o
    JOIN differences_sides n ON n.nomenclature = o.nomenclature AND n.code = o.code AND n.day = o.day
    WHERE o.side = 'old' AND n.side = 'new'
), starts AS (
    -- Days on which an answer changes; neighbours with the same answers are one period.
    SELECT *,
           old_side.answer IS DISTINCT FROM lag(old_side.answer) OVER code AS old_starts,
           new_side.answer IS DISTINCT FROM lag(new_side.answer) OVER code AS new_starts,
           old_side.statuses IS DISTINCT FROM lag(old_side.statuses) OVER code
               OR new_side.statuses IS DISTINCT FROM lag(new_side.statuses) OVER code AS status_starts
    FROM days
    WINDOW code AS (PARTITION BY nomenclature, code ORDER BY day)
), periods AS (
    SELECT *, lead(day) OVER (PARTITION BY nomenclature, code ORDER BY day) - 1 AS last_day,
           bool_or(old_starts <> new_starts) OVER (PARTITION BY nomenclature, code) AS other_days
    FROM starts
    WHERE old_starts OR new_starts OR status_starts
)
SELECT row_number() OVER (ORDER BY nomenclature, code, day) AS change, nomenclature, code, day AS valid_start_date,
       coalesce(last_day, DATE '2099-12-31') AS valid_end_date, old_side, new_side,
       old_side.answer <> new_side.answer AS moves,
       old_side.targets <> new_side.targets AS other_targets,
       old_side.domains <> new_side.domains AS other_domains,
       old_side.value_ids <> new_side.value_ids AS other_values,
       other_days,
       old_side.statuses <> new_side.statuses AS other_status,
       array_to_string(old_side.cdm_tables, ' + ') AS old_tables,
       array_to_string(new_side.cdm_tables, ' + ') AS new_tables
FROM periods
WHERE old_side.answer <> new_side.answer OR old_side.statuses <> new_side.statuses;

-- The only pass over the rows, and only over those of these codes: rows by change and person.
CREATE OR REPLACE TEMP TABLE differences_touched AS
WITH met AS (
    SELECT c.change, CASE WHEN o.person IS NOT NULL THEN hash(o.person) END AS person
    FROM differences_occurrences o
    JOIN differences_changes c
      ON c.nomenclature = o.nomenclature AND c.code = o.code
     AND answer_day(o.event_date) BETWEEN c.valid_start_date AND c.valid_end_date
)
SELECT change, person, count(*) AS rows FROM met GROUP BY change, person;

CREATE OR REPLACE TEMP TABLE differences_listed AS
WITH touched AS (
    SELECT change, sum(rows)::BIGINT AS rows, count(person) AS persons FROM differences_touched GROUP BY change
), codes AS (
    SELECT nomenclature, code, max(label) AS label, max(rows) AS rows FROM differences_codes GROUP BY nomenclature, code
), known AS (
    SELECT c.*, t.rows, t.persons, s.label,
           greatest(s.rows, sum(t.rows) OVER (PARTITION BY c.nomenclature, c.code), 0) AS rows_of_code
    FROM differences_changes c
    LEFT JOIN touched t ON t.change = c.change
    LEFT JOIN codes s ON s.nomenclature = c.nomenclature AND s.code = c.code
)
SELECT * REPLACE (coalesce(rows, 0) AS rows, coalesce(persons, 0) AS persons),
       coalesce(persons, 0) < getvariable('small_cell') AS rare
FROM known
WHERE rows_of_code > 0;

CREATE OR REPLACE TEMP TABLE differences_moves AS
WITH touched AS (
    SELECT c.old_tables, c.new_tables, c.nomenclature, c.code, t.person, t.rows
    FROM differences_touched t JOIN differences_changes c ON c.change = t.change
    WHERE c.moves
), persons AS (
    SELECT old_tables, new_tables, person, sum(rows) AS rows FROM touched GROUP BY old_tables, new_tables, person
), codes AS (
    SELECT old_tables, new_tables, count(*) AS codes
    FROM (SELECT DISTINCT old_tables, new_tables, nomenclature, code FROM touched)
    GROUP BY old_tables, new_tables
)
SELECT p.old_tables, p.new_tables, any_value(c.codes) AS codes, sum(p.rows)::BIGINT AS rows, count(p.person) AS persons
FROM persons p JOIN codes c ON c.old_tables = p.old_tables AND c.new_tables = p.new_tables
GROUP BY p.old_tables, p.new_tables;

-- One row; who moves along one way only may be few, so the sum over all ways may have to go.
CREATE OR REPLACE TEMP TABLE differences_whole AS
WITH moved AS (
    SELECT count(DISTINCT t.person) AS persons
    FROM differences_touched t JOIN differences_changes c ON c.change = t.change
    WHERE c.moves
), elsewhere AS (
    SELECT coalesce(bool_or(differences_few(moved.persons - m.persons)), false) AS few
    FROM moved LEFT JOIN differences_moves m ON true
)
SELECT CASE WHEN NOT (differences_few(moved.persons) OR elsewhere.few) THEN moved.persons END AS persons,
       (SELECT coalesce(sum(rows), 0)::BIGINT FROM differences_codes) AS base_rows
FROM moved, elsewhere;
