-- Lines that have several details: rows are such lines, by their keys, with the detail that bears their amounts
-- (first_detail): the first by what it is, so that a line and the one that cancels it choose the same. Few lines have several: so the details are counted by a number first, and only what is left by the keys.
WITH repeated AS (
    SELECT xxhash64({keys}) AS number FROM claim_details GROUP BY xxhash64({keys}) HAVING count(*) > 1
)

SELECT
    {keys},
    omop_id('line', {key_texts}) AS line_id,
    min_by(
        concat(nomenclature, ' ', detail_file, ' ', CAST(detail_line AS STRING)),
        concat(
            CASE WHEN quantity = 0 THEN '1' ELSE '0' END, ' ', nomenclature, ' ', coalesce(code, ''), ' ',
            coalesce(variant, ''), ' ', detail_file, ' ', lpad(CAST(detail_line AS STRING), 12, '0')
        )
    ) AS first_detail
FROM claim_details
JOIN repeated ON number = xxhash64({keys})
GROUP BY {keys}
HAVING count(*) > 1
