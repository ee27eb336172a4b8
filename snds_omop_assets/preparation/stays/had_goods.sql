-- stays/had goods: one row per row of drugs (UCD), devices (LPP) and laboratory acts (NABM); days count from the entry.
-- What is given over several stays stands in each with the whole quantity: it is divided by SEJ_NBR
-- (HDH medicaments_de_la_liste_en_sus).

SELECT
    'T_HAD_MED' AS source_table,
    ETA_NUM_EPMSI AS hospital,
    RHAD_NUM AS number,
    CAST(NULL AS STRING) AS passage,
    FALSE AS of_passage,
    TRUE AS counted,
    'UCD' AS nomenclature,
    coalesce(UCD_UCD_COD, UCD_COD) AS code,
    DAT_DELAI AS delay,
    ADM_NBR / greatest(coalesce(SEJ_NBR, 1), 1) AS quantity
FROM T_HAD_MED
UNION ALL
SELECT 'T_HAD_MEDATU', ETA_NUM_EPMSI, RHAD_NUM, NULL, FALSE, TRUE, 'UCD', coalesce(UCD_UCD_COD, UCD_COD), DAT_DELAI,
    ADM_NBR / greatest(coalesce(SEJ_NBR, 1), 1)
FROM T_HAD_MEDATU
UNION ALL
SELECT 'T_HAD_MEDCHL', ETA_NUM_EPMSI, RHAD_NUM, NULL, FALSE, TRUE, 'UCD', UCD_UCD_COD, DAT_DELAI,
    ADM_NBR / greatest(coalesce(SEJ_NBR, 1), 1)
FROM T_HAD_MEDCHL
UNION ALL
SELECT 'T_HAD_FH', ETA_NUM_EPMSI, RHAD_NUM, NULL, FALSE, TRUE, 'UCD', coalesce(UCD_UCD_COD, COD_UCD), DEL_DAT_ENT,
    QUA_COD
FROM T_HAD_FH
UNION ALL
SELECT 'T_HAD_FP', ETA_NUM_EPMSI, RHAD_NUM, NULL, FALSE, TRUE, 'LPP', coalesce(LPP_COD, TIP_PRS_IDE), DEL_DAT_ENT,
    LPP_QUA
FROM T_HAD_FP
UNION ALL
SELECT 'T_HAD_FL', ETA_NUM_EPMSI, RHAD_NUM, NULL, FALSE, TRUE, 'NABM', NABM_COD, DEL_DAT_ENT, CAST(ACT_NBR AS DOUBLE)
FROM T_HAD_FL
