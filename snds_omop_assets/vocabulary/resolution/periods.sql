-- Between which days the answer for a code is the same: rows are a code and a period, which together cover all days.
-- Most codes have one period: only a replacement, a code that was used twice, or a dated line of a map makes more.
WITH several AS (
    SELECT k.nomenclature, k.code, m.valid_start_date, m.valid_end_date,
           count(*) OVER (PARTITION BY k.nomenclature, k.code, k.width, k.list_place) AS concepts
    FROM known k JOIN members m ON m.first_id = k.first_id
), days AS (
    SELECT nomenclature, code, DATE '1900-01-01' AS day FROM codes
    UNION
    SELECT nomenclature, code, valid_start_date FROM several WHERE concepts > 1 AND valid_start_date > DATE '1970-01-01'
    UNION
    SELECT nomenclature, code, valid_end_date + 1 FROM several WHERE concepts > 1
    UNION
    SELECT s.nomenclature, s.code, l.valid_start_date
    FROM spellings s JOIN map_lines l ON l.nomenclature = s.list AND l.code = s.spelled
    WHERE l.valid_start_date > DATE '1970-01-01'  -- a line from this day on, or before, holds from the beginning
    UNION
    SELECT s.nomenclature, s.code, l.valid_end_date + 1
    FROM spellings s JOIN map_lines l ON l.nomenclature = s.list AND l.code = s.spelled
)
SELECT nomenclature, code, day AS valid_start_date,
       coalesce(lead(day) OVER (PARTITION BY nomenclature, code ORDER BY day) - 1, DATE '2099-12-31') AS valid_end_date
FROM days
WHERE day >= DATE '1900-01-01' AND day <= DATE '2099-12-31'
