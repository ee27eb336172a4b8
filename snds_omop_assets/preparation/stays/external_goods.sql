-- stays/external goods: one row per row of drugs (UCD), devices (LPP), laboratory acts (NABM); days count from
-- the day of care. {field} is MCO or SSR, whose columns for drugs differ: {drug_code}, {drug_quantity}.

SELECT
    'T_{field}_FHSTC' AS source_table,
    ETA_NUM AS hospital,
    SEQ_NUM AS number,
    CAST(NULL AS STRING) AS passage,
    FALSE AS of_passage,
    TRUE AS counted,
    'UCD' AS nomenclature,
    {drug_code} AS code,
    DEL_DAT_ENT AS delay,
    {drug_quantity} AS quantity
FROM T_{field}_FHSTC
UNION ALL
SELECT 'T_{field}_FPSTC', ETA_NUM, SEQ_NUM, NULL, FALSE, TRUE, 'LPP', coalesce(LPP_COD, TIP_PRS_IDE), DEL_DAT_ENT,
    LPP_QUA
FROM T_{field}_FPSTC
UNION ALL
SELECT 'T_{field}_FLSTC', ETA_NUM, SEQ_NUM, NULL, FALSE, TRUE, 'NABM', NABM_COD, DEL_DAT_ENT, CAST(ACT_NBR AS DOUBLE)
FROM T_{field}_FLSTC
