-- Facilities of the lines of a month: rows are lines that have a row of ER_ETE_F, or a drug of ER_UCD_F.
--
-- site           who did it; the smallest number where a line has several rows
-- in_pmsi        the PMSI has the same care: external care of a public hospital (ETE_IND_TAA 1), a stay in a private
--                one (ETE_MCO_DDP, but Z and X), a drug given in a stay (UCD_TOP_UCD 1). Safe for NULL: what is not
--                said is kept. Where the delivery says neither, only what kind of facility it is (claim_flow:
--                category_only), care in a category of hospitals (claim_hospitals). But not a drug that a hospital
--                sells to who goes home (retrocession, UCD_TOP_UCD 0): the PMSI lacks it, whatever is said of the facility
-- facility_rows  rows of ER_ETE_F
-- Source: HDH sas_prestation_dcir, etude_vie_reelle; IR_TCU_V; the categories: HDH OMOP specification (LOCATION).
SELECT
    {keys},
    min(site) AS site,
    bool_or(in_stay) OR (bool_or(in_facility) AND NOT bool_or(sold)) AS in_pmsi,
    sum(facility_rows) AS facility_rows
FROM (
    SELECT
        {keys},
        ETB_EXE_FIN AS site,
        coalesce(ETE_IND_TAA = '1', FALSE) OR coalesce(ETE_MCO_DDP NOT IN ('Z', 'X'), FALSE)
            OR (f.category_only AND h.category IS NOT NULL) AS in_facility,
        FALSE AS in_stay,
        FALSE AS sold,
        1 AS facility_rows
    FROM ER_ETE_F
    CROSS JOIN claim_flow f
    LEFT JOIN claim_hospitals h ON h.category = ETE_CAT_COD
    UNION ALL
    SELECT {keys}, NULL, FALSE, coalesce(UCD_TOP_UCD = '1', FALSE), coalesce(UCD_TOP_UCD = '0', FALSE), 0
    FROM ER_UCD_F
    WHERE UCD_TOP_UCD IN ('0', '1')
) AS told
GROUP BY {keys}
