-- Details of the lines of a month: rows are rows of ER_PHA_F, ER_UCD_F, ER_BIO_F, ER_CAM_F and ER_TIP_F, with the keys
-- of their line.
--
-- code      NULL where the row names nothing (LPP 9999999999999); a pack has its CIP13, before 2007 its CIP7
-- quantity  boxes, units of an opened pack (PHA_DEC_TOP D, IR_TDU_V; 1 in HDH's pages), acts, devices, as the row counts
--           them; NULL where it does not
-- unsigned  the quantity has no sign of its own: the line's is taken (UCD; CCAM, where a row is an act)
-- variant   what else tells two details of one code apart: an opened pack, activity and phase, rented or bought
-- Source: HDH medicament, schema_relationnel_snds (quantity of each table); HDH OMOP specification, DCIR.
SELECT
    {keys},
    CASE WHEN nullif(PHA_PRS_C13, '0') IS NULL AND PHA_PRS_IDE IS NOT NULL THEN 'CIP7' ELSE 'CIP13' END AS nomenclature,
    coalesce(nullif(PHA_PRS_C13, '0'), nullif(PHA_PRS_IDE, '0')) AS code,
    CASE WHEN PHA_DEC_TOP IN ('D', '1') THEN PHA_DEC_QSU ELSE PHA_ACT_QSN END AS quantity,
    FALSE AS unsigned,
    CASE WHEN PHA_DEC_TOP IN ('D', '1') THEN 'opened' END AS variant,
    CAST(NULL AS DATE) AS detail_start,
    CAST(NULL AS DATE) AS detail_end,
    TRY_CAST(PHA_SEQ_RNV AS INT) AS refills,
    source_file AS detail_file,
    source_line AS detail_line
FROM ER_PHA_F

UNION ALL
SELECT {keys}, 'UCD', UCD_UCD_COD, CAST(UCD_DLV_NBR AS DOUBLE), TRUE, NULL, NULL, NULL, NULL, source_file, source_line
FROM ER_UCD_F

UNION ALL
SELECT {keys}, 'NABM', BIO_PRS_IDE, BIO_ACT_QSN, FALSE, NULL, NULL, NULL, NULL, source_file, source_line
FROM ER_BIO_F

UNION ALL
SELECT
    {keys}, 'CCAM', nullif(upper(trim(CAM_PRS_IDE)), ''), CAST(1 AS DOUBLE), TRUE,
    coalesce(CAM_ACT_COD, '') || '/' || coalesce(CAM_TRT_PHA, ''), NULL, NULL, NULL, source_file, source_line
FROM ER_CAM_F

UNION ALL
SELECT
    {keys}, 'LPP', nullif(TIP_PRS_IDE, '9999999999999'), TIP_ACT_QSN, FALSE, TIP_PRS_TYP, TIP_ACL_DTD, TIP_ACL_DTF,
    NULL, source_file, source_line
FROM ER_TIP_F
