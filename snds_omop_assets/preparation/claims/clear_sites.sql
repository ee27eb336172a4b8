-- Executors that are establishments in clear: rows are numbers of claim_executors (executor) that are a FINESS.
-- A facility, a pharmacy, a laboratory, a transporter: nine figures, the third a 0 or 2 (people have others), the last the
-- key of the others (Luhn). In most deliveries numbers are encrypted: then there is none.
-- Source: HDH numero_professionel_sante, ref_etab.
SELECT executor
FROM (
    SELECT
        executor,
        TRY_CAST(substr(executor, 1, 1) AS INT) AS a, TRY_CAST(substr(executor, 2, 1) AS INT) AS b,
        TRY_CAST(substr(executor, 3, 1) AS INT) AS c, TRY_CAST(substr(executor, 4, 1) AS INT) AS d,
        TRY_CAST(substr(executor, 5, 1) AS INT) AS e, TRY_CAST(substr(executor, 6, 1) AS INT) AS f,
        TRY_CAST(substr(executor, 7, 1) AS INT) AS g, TRY_CAST(substr(executor, 8, 1) AS INT) AS h,
        TRY_CAST(substr(executor, 9, 1) AS INT) AS i
    FROM (
        SELECT DISTINCT executor FROM claim_executors WHERE length(executor) = 9 AND substr(executor, 3, 1) IN ('0', '2')
    ) AS told
) AS figures
-- Every other figure is doubled, and the two figures of a double added: 5 and more become 2 n - 9.
WHERE (a + c + e + g + i + 2 * (b + d + f + h) - 9 * (
    CASE WHEN b > 4 THEN 1 ELSE 0 END + CASE WHEN d > 4 THEN 1 ELSE 0 END
    + CASE WHEN f > 4 THEN 1 ELSE 0 END + CASE WHEN h > 4 THEN 1 ELSE 0 END
)) % 10 = 0
