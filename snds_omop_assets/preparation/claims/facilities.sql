-- Facilities of the lines of a month: rows are lines that have a row of ER_ETE_F, or a drug that the PMSI has too.
--
-- site           who did it; the smallest number where a line has several rows
-- in_pmsi        the PMSI has the same care: external care of a public hospital (ETE_IND_TAA 1), a stay in a private
--                one
--                (ETE_MCO_DDP, but Z and X), a drug given in a stay (UCD_TOP_UCD 1). Safe for NULL: what is not said
-- is kept.
-- facility_rows  rows of ER_ETE_F
-- Source: HDH sas_prestation_dcir, etude_vie_reelle; IR_TCU_V.
SELECT
    {keys},
    min(site) AS site,
    bool_or(in_pmsi) AS in_pmsi,
    sum(facility_rows) AS facility_rows
FROM (
    SELECT
        {keys},
        ETB_EXE_FIN AS site,
        coalesce(ETE_IND_TAA = '1', FALSE) OR coalesce(ETE_MCO_DDP NOT IN ('Z', 'X'), FALSE) AS in_pmsi,
        1 AS facility_rows
    FROM ER_ETE_F
    UNION ALL
    SELECT {keys}, NULL, TRUE, 0 FROM ER_UCD_F WHERE UCD_TOP_UCD = '1'
) AS told
GROUP BY {keys}
