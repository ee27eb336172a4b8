-- packs_of_drugs: rows are packs of IR_PHA_R with what they hold, read from a text: `30` and `6 / 2 ML` are the number
-- before
-- all else, `1,5` has a decimal comma, `10 + 5` is several things: nobody can say how many units a box has (NULL).
-- Source: HDH OMOP specification (drug_cases), which fails on decimals.
SELECT
    nullif(PHA_CIP_C13, '0') AS code13,
    nullif(PHA_PRS_IDE, '0') AS code7,
    CASE WHEN told NOT LIKE '%+%' AND number > 0 THEN number END AS content,
    unit
FROM (
    SELECT
        *,
        TRY_CAST(replace(split_part(trim(split_part(told, '/', 1)), ' ', 1), ',', '.') AS DOUBLE) AS number
    FROM (
        SELECT
            PHA_CIP_C13,
            PHA_PRS_IDE,
            coalesce(nullif(trim(PHA_UPC_NBR), ''), nullif(trim(PHA_UNT_NBR_DSES), '')) AS told,
            coalesce(nullif(trim(PHA_DOS_UNT_DSES), ''), nullif(trim(PHA_DOS_UNI), '')) AS unit
        FROM IR_PHA_R
    ) AS listed
) AS read
