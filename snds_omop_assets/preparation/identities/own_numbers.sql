-- A row is an identifier and a number for life (BEN_NIR_ANO, or a BEN_IDT_ANO that differs) that a row gives it.
-- Both are one kind of number: BEN_IDT_ANO is BEN_NIR_ANO where that is known (HDH fiche_beneficiaire).

SELECT identifier, number_for_life, max(told_by) AS told_by
FROM (
    SELECT identifier, BEN_NIR_ANO AS number_for_life, 'BEN_NIR_ANO' AS told_by
    FROM referential_rows
    WHERE rule IS NULL AND BEN_NIR_ANO IS NOT NULL
    UNION ALL
    SELECT identifier, BEN_IDT_ANO, 'BEN_IDT_ANO'
    FROM referential_rows
    WHERE rule IS NULL AND BEN_IDT_ANO IS NOT NULL AND BEN_IDT_ANO IS DISTINCT FROM BEN_NIR_ANO
) AS told
GROUP BY identifier, number_for_life
