-- How much of a base has a standard concept; see vocabulary/coverage.py.
--
-- coverage_occurrences   place, nomenclature, code, event_date, person, amount: a row per source row that holds a code
-- coverage_map           the answers (CODE_MAP)
-- coverage_lists         nomenclature, domain
-- coverage_tables        domain_id, cdm_table
-- small_cell             variable: counts of persons below it are hidden
--
-- bit is the status, the worse the higher: 1 mapped, 2 remapped, 4 unmapped, 8 rejected; from 4 on there is no target.

CREATE OR REPLACE TEMP MACRO coverage_few(n) AS coalesce(n > 0 AND n < getvariable('small_cell'), false);

CREATE OR REPLACE TEMP TABLE coverage_answers AS
SELECT row_number() OVER () AS answer, nomenclature, code, valid_start_date, valid_end_date, target_domain_id, origin,
       precision, CASE status WHEN 'mapped' THEN 1 WHEN 'remapped' THEN 2 WHEN 'unmapped' THEN 4 ELSE 8 END AS bit
FROM coverage_map
WHERE place = 1;

CREATE OR REPLACE TEMP MACRO coverage_told() AS TABLE
SELECT o.place, o.nomenclature, o.code, o.person, a.answer, coalesce(a.bit, 4) AS bit,
       TRY_CAST(o.amount AS DECIMAL(18, 2)) AS amount  -- exact: the sum does not depend on the order
FROM coverage_occurrences o
LEFT JOIN coverage_answers a
  ON a.nomenclature = o.nomenclature AND a.code = o.code
 AND answer_day(o.event_date) BETWEEN a.valid_start_date AND a.valid_end_date;

-- Two passes over the rows, by code and by person. One with GROUPING SETS would sum the amounts of each person as well
-- (measured, with all that follows, for ten million rows: 3.5 CPU seconds, and 4.2).
CREATE OR REPLACE TEMP TABLE coverage_codes AS
WITH seen AS (
    SELECT place, nomenclature, code, answer, bit, count(*) AS rows, sum(amount) AS amount
    FROM coverage_told()
    GROUP BY ALL
)
SELECT s.nomenclature, s.place, s.code, s.rows, s.amount, s.bit, a.origin, a.precision,
       coalesce(a.target_domain_id, l.domain, 'Observation') AS domain_id,
       hash(s.place, s.nomenclature) AS spot,
       CASE WHEN s.bit >= 4 THEN hash(s.nomenclature, s.code, s.bit) END AS lacking
FROM seen s
LEFT JOIN coverage_answers a ON a.answer = s.answer
LEFT JOIN coverage_lists l ON l.nomenclature = s.nomenclature;

-- Whom a column (spot) met, with which code without a target (lacking) and which statuses: millions of groups, whose
-- keys are numbers.
CREATE OR REPLACE TEMP TABLE coverage_met AS
SELECT hash(place, nomenclature) AS spot, CASE WHEN bit >= 4 THEN hash(nomenclature, code, bit) END AS lacking,
       hash(person) AS person, bit_or(bit) AS mask
FROM coverage_told()
WHERE person IS NOT NULL
GROUP BY ALL;

-- Persons by the set of statuses that their rows have; the place '' is the whole list.
CREATE OR REPLACE TEMP TABLE coverage_persons AS
WITH spots AS (
    SELECT DISTINCT spot, nomenclature, place FROM coverage_codes
), persons AS (
    SELECT p.nomenclature, p.place, m.person, m.mask
    FROM (SELECT spot, person, bit_or(mask) AS mask FROM coverage_met GROUP BY spot, person) m
    JOIN spots p ON p.spot = m.spot
), whole AS (
    SELECT nomenclature, person, bit_or(mask) AS mask FROM persons GROUP BY nomenclature, person
), counted AS (
    SELECT nomenclature, place, mask, count(*) AS n FROM persons GROUP BY nomenclature, place, mask
    UNION ALL
    SELECT nomenclature, '', mask, count(*) FROM whole GROUP BY nomenclature, mask
)
SELECT nomenclature, place,
       sum(n)::BIGINT AS persons,
       coalesce(sum(n) FILTER (mask < 4), 0)::BIGINT AS with_target,
       coalesce(sum(n) FILTER (mask >= 4), 0)::BIGINT AS without_target,
       coalesce(sum(n) FILTER (mask = 1), 0)::BIGINT AS mapped,
       coalesce(sum(n) FILTER (mask BETWEEN 2 AND 3), 0)::BIGINT AS remapped,
       coalesce(sum(n) FILTER (mask BETWEEN 4 AND 7), 0)::BIGINT AS unmapped,
       coalesce(sum(n) FILTER (mask >= 8), 0)::BIGINT AS rejected,
       -- Persons with a row of a status, whatever else they have: whose amounts these are.
       coalesce(sum(n) FILTER (mask & 3 > 0), 0)::BIGINT AS any_with_target,
       coalesce(sum(n) FILTER (mask & 1 > 0), 0)::BIGINT AS any_mapped,
       coalesce(sum(n) FILTER (mask & 2 > 0), 0)::BIGINT AS any_remapped,
       coalesce(sum(n) FILTER (mask & 4 > 0), 0)::BIGINT AS any_unmapped
FROM counted
GROUP BY nomenclature, place;

CREATE OR REPLACE TEMP TABLE coverage_groups AS
WITH codes AS (
    SELECT nomenclature, coalesce(place, '') AS place, code, max(bit) AS worst,
           bool_and(bit < 4 OR decided.code IS NOT NULL) AND max(bit) = 4 AS decided
    FROM coverage_codes LEFT JOIN coverage_decided decided USING (nomenclature, code)
    GROUP BY GROUPING SETS ((nomenclature, place, code), (nomenclature, code))
), counted AS (
    SELECT nomenclature, place,
           count(*) AS codes,
           count(*) FILTER (worst = 1) AS codes_mapped,
           count(*) FILTER (worst = 2) AS codes_remapped,
           count(*) FILTER (worst = 4) AS codes_unmapped,
           count(*) FILTER (worst = 8) AS codes_rejected,
           count(*) FILTER (decided) AS codes_decided
    FROM codes
    GROUP BY nomenclature, place
), summed AS (
    SELECT nomenclature, coalesce(place, '') AS place,
           sum(rows)::BIGINT AS rows,
           coalesce(sum(rows) FILTER (bit = 1), 0)::BIGINT AS rows_mapped,
           coalesce(sum(rows) FILTER (bit = 2), 0)::BIGINT AS rows_remapped,
           coalesce(sum(rows) FILTER (bit = 4), 0)::BIGINT AS rows_unmapped,
           coalesce(sum(rows) FILTER (bit = 8), 0)::BIGINT AS rows_rejected,
           coalesce(sum(rows) FILTER (bit = 4 AND decided.code IS NOT NULL), 0)::BIGINT AS rows_decided,
           coalesce(sum(rows) FILTER (bit < 4 AND precision = 'code'), 0)::BIGINT AS rows_code,
           coalesce(sum(rows) FILTER (bit < 4 AND precision = 'trimmed'), 0)::BIGINT AS rows_trimmed,
           coalesce(sum(rows) FILTER (bit < 4 AND precision = 'pack'), 0)::BIGINT AS rows_pack,
           coalesce(sum(rows) FILTER (bit < 4 AND precision = 'ingredient'), 0)::BIGINT AS rows_ingredient,
           coalesce(sum(rows) FILTER (bit < 4 AND origin = 'user map'), 0)::BIGINT AS rows_user_map,
           coalesce(sum(rows) FILTER (bit < 4 AND origin = 'vocabulary'), 0)::BIGINT AS rows_vocabulary,
           coalesce(sum(rows) FILTER (bit < 4 AND origin = 'project map'), 0)::BIGINT AS rows_project_map,
           sum(amount) AS amount,
           coalesce(sum(amount) FILTER (bit = 1), 0) AS amount_mapped,
           coalesce(sum(amount) FILTER (bit = 2), 0) AS amount_remapped,
           coalesce(sum(amount) FILTER (bit = 4), 0) AS amount_unmapped,
           coalesce(sum(amount) FILTER (bit = 8), 0) AS amount_rejected
    FROM coverage_codes LEFT JOIN coverage_decided decided USING (nomenclature, code)
    GROUP BY GROUPING SETS ((nomenclature, place), (nomenclature))
), elsewhere AS (
    -- All of a list minus one of its columns: who is met in the others only may be few.
    SELECT w.nomenclature, '' AS place,
           bool_or(coverage_few(w.persons - p.persons)) AS persons,
           bool_or(coverage_few(w.without_target - p.without_target)) AS halves,
           bool_or(coverage_few(w.rejected - p.rejected)) AS statuses
    FROM coverage_persons w JOIN coverage_persons p ON p.nomenclature = w.nomenclature AND p.place <> ''
    WHERE w.place = ''
    GROUP BY w.nomenclature
), judged AS (
    SELECT s.*, c.* EXCLUDE (nomenclature, place), p.* EXCLUDE (nomenclature, place, persons),
           coalesce(p.persons, 0) AS persons,
           coverage_few(p.persons) OR coalesce(e.persons, false) AS hide_persons,
           coverage_few(p.with_target) OR coverage_few(p.without_target) OR coalesce(e.halves, false) AS hide_halves,
           coverage_few(p.mapped) OR coverage_few(p.remapped) OR coverage_few(p.unmapped) OR coverage_few(p.rejected)
               OR coalesce(e.statuses, false) AS hide_statuses,
           -- Where nobody tells the persons, they are as many as rows at most.
           s.amount IS NOT NULL AND coverage_few(coalesce(p.persons, s.rows)) AS few_persons,
           s.amount IS NOT NULL AND (
               coverage_few(coalesce(p.any_with_target, s.rows_mapped + s.rows_remapped))
               OR coverage_few(coalesce(p.without_target, s.rows_unmapped + s.rows_rejected))
           ) AS few_in_half,
           s.amount IS NOT NULL AND (
               coverage_few(coalesce(p.any_mapped, s.rows_mapped)) OR coverage_few(coalesce(p.any_remapped, s.rows_remapped))
               OR coverage_few(coalesce(p.any_unmapped, s.rows_unmapped)) OR coverage_few(coalesce(p.rejected, s.rows_rejected))
           ) AS few_in_status
    FROM summed s
    JOIN counted c USING (nomenclature, place)
    LEFT JOIN coverage_persons p USING (nomenclature, place)
    LEFT JOIN elsewhere e USING (nomenclature, place)
), hidden AS (
    -- Amounts add up: an amount that is hidden in a column would come back from the sum of the list, so that goes too.
    SELECT *,
           CASE WHEN place = '' THEN bool_or(few_persons) OVER list ELSE few_persons END AS hide_amount,
           CASE WHEN place = '' THEN bool_or(few_persons OR few_in_half) OVER list
                ELSE few_persons OR few_in_half END AS hide_amount_halves,
           CASE WHEN place = '' THEN bool_or(few_persons OR few_in_half OR few_in_status) OVER list
                ELSE few_persons OR few_in_half OR few_in_status END AS hide_amount_statuses
    FROM judged
    WINDOW list AS (PARTITION BY nomenclature)
)
SELECT nomenclature, nullif(place, '') AS place,
       codes, codes_mapped, codes_remapped, codes_unmapped, codes_rejected, codes_decided,
       rows, rows_mapped, rows_remapped, rows_unmapped, rows_rejected, rows_decided,
       rows_code, rows_trimmed, rows_pack, rows_ingredient, rows_user_map, rows_vocabulary, rows_project_map,
       CASE WHEN NOT hide_persons THEN persons END AS persons,
       CASE WHEN NOT (hide_persons OR hide_halves) THEN coalesce(with_target, 0) END AS persons_with_target,
       CASE WHEN NOT (hide_persons OR hide_halves) THEN coalesce(without_target, 0) END AS persons_without_target,
       CASE WHEN NOT (hide_persons OR hide_halves OR hide_statuses) THEN coalesce(mapped, 0) END AS persons_mapped,
       CASE WHEN NOT (hide_persons OR hide_halves OR hide_statuses) THEN coalesce(remapped, 0) END AS persons_remapped,
       CASE WHEN NOT (hide_persons OR hide_halves OR hide_statuses) THEN coalesce(unmapped, 0) END AS persons_unmapped,
       CASE WHEN NOT (hide_persons OR hide_halves OR hide_statuses) THEN coalesce(rejected, 0) END AS persons_rejected,
       CASE WHEN NOT hide_amount THEN amount END::DOUBLE AS amount,
       CASE WHEN NOT hide_amount_halves AND amount IS NOT NULL THEN amount_mapped + amount_remapped END::DOUBLE
           AS amount_with_target,
       CASE WHEN NOT hide_amount_halves AND amount IS NOT NULL THEN amount_unmapped + amount_rejected END::DOUBLE
           AS amount_without_target,
       CASE WHEN NOT hide_amount_statuses AND amount IS NOT NULL THEN amount_mapped END::DOUBLE AS amount_mapped,
       CASE WHEN NOT hide_amount_statuses AND amount IS NOT NULL THEN amount_remapped END::DOUBLE AS amount_remapped,
       CASE WHEN NOT hide_amount_statuses AND amount IS NOT NULL THEN amount_unmapped END::DOUBLE AS amount_unmapped,
       CASE WHEN NOT hide_amount_statuses AND amount IS NOT NULL THEN amount_rejected END::DOUBLE AS amount_rejected,
       hide_amount_halves AS amount_hidden
FROM hidden
ORDER BY nomenclature, place NULLS FIRST;

CREATE OR REPLACE TEMP TABLE coverage_routes AS
SELECT c.nomenclature, coalesce(t.cdm_table, 'observation') AS cdm_table,
       sum(c.rows)::BIGINT AS rows,
       coalesce(sum(c.rows) FILTER (c.bit < 4), 0)::BIGINT AS rows_with_target
FROM coverage_codes c LEFT JOIN coverage_tables t ON t.domain_id = c.domain_id
GROUP BY c.nomenclature, coalesce(t.cdm_table, 'observation')
ORDER BY c.nomenclature, cdm_table;

-- The codes without a target; rare: so few persons have it that it is named only if it has the form of its list.
CREATE OR REPLACE TEMP TABLE coverage_lacking AS
WITH persons AS (
    SELECT lacking, count(DISTINCT person) AS persons FROM coverage_met WHERE lacking IS NOT NULL GROUP BY lacking
)
SELECT c.nomenclature, c.code, CASE c.bit WHEN 4 THEN 'unmapped' ELSE 'rejected' END AS status,
       c.bit = 4 AND any_value(d.code) IS NOT NULL AS decided,
       sum(c.rows)::BIGINT AS rows, coalesce(any_value(p.persons), 0) AS persons, sum(c.amount) AS amount,
       list(DISTINCT c.place) AS places, coalesce(any_value(p.persons), 0) < getvariable('small_cell') AS rare
FROM coverage_codes c
LEFT JOIN persons p ON p.lacking = c.lacking
LEFT JOIN coverage_decided d ON d.nomenclature = c.nomenclature AND d.code = c.code
WHERE c.bit >= 4
GROUP BY c.nomenclature, c.code, c.bit;
