-- Everything that may say the target of a code in a period: rows are a concept of the code, or a file of maps.
-- The order is that of preference: near before wide, the user's maps before the vocabulary before the project's maps,
-- the vocabulary of the list before the next one, the concept in force on the day before those that replace it.
WITH placed AS (
    SELECT k.nomenclature, k.code, k.spelled, k.width, k.precision, k.list, k.list_place, k.first_id,
           p.valid_start_date, m.concept_id, m.step,
           -- A code is older than the vocabulary that lists it, so the first concept holds from the beginning; of two
           -- concepts with one code, the one that has begun is before the one that has not.
           CASE WHEN k.first_end_date < p.valid_start_date THEN 2
                WHEN k.first_start_date > greatest(p.valid_start_date, DATE '1970-01-01') THEN 1
                ELSE 0 END AS late,
           (m.step = 0 OR m.valid_start_date <= greatest(p.valid_start_date, DATE '1970-01-01'))
               AND m.valid_end_date >= p.valid_start_date AS in_force,
           m.invalid_reason IS NULL AS valid_today
    FROM known k
    JOIN members m ON m.first_id = k.first_id
    JOIN periods p ON p.nomenclature = k.nomenclature AND p.code = k.code
), dated AS (
    SELECT *,
           coalesce(
               min(CASE WHEN in_force THEN step END) OVER same,
               max(CASE WHEN valid_today THEN step END) OVER same,
               0
           ) AS step_in_force
    FROM placed
    WINDOW same AS (PARTITION BY nomenclature, code, valid_start_date, width, list_place, spelled, first_id)
)
SELECT nomenclature, code, valid_start_date, width, precision, 'vocabulary' AS origin, 1 AS origin_place, list_place,
       spelled, list, late,
       CASE WHEN step >= step_in_force THEN step - step_in_force ELSE 100 + step_in_force - step END AS distance,
       concept_id, step
FROM dated

UNION ALL
SELECT DISTINCT s.nomenclature, s.code, p.valid_start_date, s.width, s.precision, l.origin,
       CASE WHEN l.origin = 'user map' THEN 0 ELSE 2 END, 0, s.spelled, s.list, 0, 0, CAST(NULL AS BIGINT), 0
FROM spellings s
JOIN map_lines l ON l.nomenclature = s.list AND l.code = s.spelled
JOIN periods p
  ON p.nomenclature = s.nomenclature AND p.code = s.code
 AND l.valid_start_date <= greatest(p.valid_start_date, DATE '1970-01-01') AND l.valid_end_date >= p.valid_start_date
