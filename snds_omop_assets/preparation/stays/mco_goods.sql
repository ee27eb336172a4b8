-- stays/mco goods: one row per row of drugs (UCD), devices (LPP) and laboratory acts (NABM); days count from the entry.
-- What is given over several stays stands in each with the whole quantity: it is divided by NBR_SEJ, or SEJ_NBR
-- (HDH medicaments_de_la_liste_en_sus). FH, FP and FL are those of private hospitals' invoices.

SELECT
    'T_MCO_MED' AS source_table,
    ETA_NUM AS hospital,
    RSA_NUM AS number,
    CAST(NULL AS STRING) AS passage,
    FALSE AS of_passage,
    TRUE AS counted,
    'UCD' AS nomenclature,
    coalesce(UCD_UCD_COD, UCD_COD) AS code,
    DELAI AS delay,
    ADM_NBR / greatest(coalesce(NBR_SEJ, 1), 1) AS quantity
FROM T_MCO_MED
UNION ALL
SELECT 'T_MCO_MEDATU', ETA_NUM, RSA_NUM, NULL, FALSE, TRUE, 'UCD', coalesce(UCD_UCD_COD, UCD_COD), DAT_DELAI,
    ADM_NBR / greatest(coalesce(SEJ_NBR, 1), 1)
FROM T_MCO_MEDATU
UNION ALL
SELECT 'T_MCO_MEDTHROMBO', ETA_NUM, RSA_NUM, NULL, FALSE, TRUE, 'UCD', coalesce(UCD_UCD_COD, UCD_COD), DAT_DELAI,
    ADM_NBR / greatest(coalesce(SEJ_NBR, 1), 1)
FROM T_MCO_MEDTHROMBO
UNION ALL
SELECT 'T_MCO_MEDAPAC', ETA_NUM, RSA_NUM, NULL, FALSE, TRUE, 'UCD', UCD_UCD_COD, DAT_DELAI,
    ADM_NBR / greatest(coalesce(SEJ_NBR, 1), 1)
FROM T_MCO_MEDAPAC
UNION ALL
SELECT 'T_MCO_DMIP', ETA_NUM, RSA_NUM, NULL, FALSE, TRUE, 'LPP', coalesce(LPP_COD, TIP_PRS_IDE), DELAI,
    CAST(NBR_POS AS DOUBLE)
FROM T_MCO_DMIP
UNION ALL
SELECT 'T_MCO_FH', ETA_NUM, RSA_NUM, NULL, FALSE, TRUE, 'UCD', coalesce(UCD_UCD_COD, COD_UCD), DEL_DAT_ENT, QUA_COD
FROM T_MCO_FH
UNION ALL
SELECT 'T_MCO_FP', ETA_NUM, RSA_NUM, NULL, FALSE, TRUE, 'LPP', coalesce(LPP_COD, TIP_PRS_IDE, LPP_COD1), DEL_DAT_ENT,
    CASE WHEN LPP_COD IS NULL AND TIP_PRS_IDE IS NULL THEN LPP_QUA1 ELSE LPP_QUA END
FROM T_MCO_FP
UNION ALL
SELECT 'T_MCO_FP', ETA_NUM, RSA_NUM, NULL, FALSE, FALSE, 'LPP', LPP_COD2, DEL_DAT_ENT, LPP_QUA2
FROM T_MCO_FP
WHERE LPP_COD IS NULL AND TIP_PRS_IDE IS NULL
UNION ALL
SELECT 'T_MCO_FL', ETA_NUM, RSA_NUM, NULL, FALSE, TRUE, 'NABM', NABM_COD, DEL_DAT_ENT, CAST(ACT_NBR AS DOUBLE)
FROM T_MCO_FL
