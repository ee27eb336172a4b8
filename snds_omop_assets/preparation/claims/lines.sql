-- The lines of a month of flow (CLAIM_LINES): rows are lines of ER_PRS_F, once for each of their details, with the rule
-- that a line tells by itself.
--
-- claim_flow        one row: flow_year (of the file; NULL where the table came whole), prescriber_site, category_only
-- claim_facilities  facilities.sql; claim_borne borne.sql (details); claim_services natures of services (code, nature)
--
-- Rules, the first that fits:
--   information_line    DPN_QLF or PRS_DPN_QLP 71 or 72, but participation_line; NULL counts as 0
--   also_in_pmsi        see claim_facilities; with what is paid of such care
--   participation_line  a flat participation (PRS_DPN_QLP 71, DPN_QLF 0): a cost and no act
--   supplement_line     CPL_MAJ_TOP 2: a cost and no act
--   no_care_contact     a nature of service that is no care; one that no list knows is care
--   no_care_date
--   care_after_flow     care of a later year than the file and its flow (FLX_DIS_DTD): files of archived years hold the
--                       flows of January and February of the next one, too
-- care_year: year of care of a row that goes on, for what it makes or for its amounts; NULL where it ends here.
-- Source: HDH Synthese_Filtres, faq_dcir, sas_prestation_dcir; vocabulary/maps/services.csv.
SELECT
    *,
    CASE
        WHEN (rule IS NULL OR rule IN ('supplement_line', 'participation_line'))
             AND NOT after_flow
        THEN CAST(year(start_date) AS INT)
    END AS care_year
FROM (
    SELECT
        f.flow_year,
        coalesce(year(p.EXE_SOI_DTD) > greatest(f.flow_year, year(p.FLX_DIS_DTD)), FALSE) AS after_flow,
        CASE
            WHEN (p.DPN_QLF IN ('71', '72') OR p.PRS_DPN_QLP IN ('71', '72'))
                AND NOT (coalesce(p.DPN_QLF, '0') = '0' AND coalesce(p.PRS_DPN_QLP = '71', FALSE)) THEN 'information_line'
            WHEN e.in_pmsi THEN 'also_in_pmsi'
            WHEN p.PRS_DPN_QLP = '71' THEN 'participation_line'
            WHEN p.CPL_MAJ_TOP = '2' THEN 'supplement_line'
            WHEN p.PRS_NAT_REF IS NULL OR s.nature = 'none' THEN 'no_care_contact'
            WHEN p.EXE_SOI_DTD IS NULL THEN 'no_care_date'
            WHEN year(p.EXE_SOI_DTD) > greatest(f.flow_year, year(p.FLX_DIS_DTD)) THEN 'care_after_flow'
        END AS rule,
        coalesce(s.nature = 'accessory', FALSE) AS accessory,
        p.BEN_NIR_PSA,
        p.BEN_RNG_GEM,
        p.EXE_SOI_DTD AS start_date,
        greatest(p.EXE_SOI_DTD, p.EXE_SOI_DTF) AS end_date,
        p.PRS_NAT_REF,
        p.PFS_EXE_NUM AS executor,
        CASE WHEN p.PSE_SPE_COD IS NOT NULL THEN 'SPE:' || p.PSE_SPE_COD ELSE 'ACT:' || p.PSE_ACT_NAT END
            AS executor_kind,
        p.PFS_PRE_NUM AS prescriber,
        CASE WHEN p.PSP_SPE_COD IS NOT NULL THEN 'SPE:' || p.PSP_SPE_COD ELSE 'ACT:' || p.PSP_ACT_NAT END
            AS prescriber_kind,
        p.PRE_PRE_DTD AS prescribed,
        CASE WHEN f.prescriber_site THEN p.ETB_PRE_FIN ELSE e.site END AS site,
        p.ETB_PRE_FIN AS prescriber_site,
        coalesce(e.facility_rows, 0) AS facility_rows,
        CASE WHEN d.beside IS NULL THEN p.PRS_PAI_MNT END AS total,
        CASE WHEN d.beside IS NULL AND (p.BSE_REM_MNT IS NOT NULL OR p.CPL_REM_MNT IS NOT NULL)
             THEN coalesce(p.BSE_REM_MNT, 0) + coalesce(p.CPL_REM_MNT, 0) END AS payer,
        d.beside IS NULL AS bears_line,
        d.line_id,
        d.nomenclature,
        d.code,
        d.variant,
        -- What does not say how many counts as one; the sign is then that of the line, or of its amount.
        CASE
            WHEN d.unsigned THEN coalesce(d.quantity, 1)
                * coalesce(sign(p.PRS_ACT_QTE), CASE WHEN p.PRS_PAI_MNT < 0 THEN -1 ELSE 1 END)
            WHEN d.nomenclature IS NOT NULL
                THEN coalesce(d.quantity, CASE WHEN coalesce(p.PRS_ACT_QTE, p.PRS_PAI_MNT) < 0 THEN -1 ELSE 1 END)
            ELSE coalesce(p.PRS_ACT_QTE, CASE WHEN p.PRS_PAI_MNT < 0 THEN -1 ELSE 1 END)
        END AS quantity,
        d.detail_start,
        d.detail_end,
        d.refills
    FROM ER_PRS_F p
    CROSS JOIN claim_flow f
    LEFT JOIN claim_services s ON s.code = p.PRS_NAT_REF
    LEFT JOIN claim_facilities e ON {same_key e p}
    LEFT JOIN claim_borne d ON {same_key d p}
) AS told
