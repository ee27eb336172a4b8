-- stays/rip slices: one row per sequence of a stay in psychiatry (T_RIP_RSA). It begins DEL_DAT days after the entry.
-- SEQ_IND E (until 2016) and a type of generation other than 0 (since 2015) are errors (HDH pmsi_psy).

SELECT
    r.ETA_NUM_EPMSI AS hospital,
    r.RIP_NUM AS number,
    r.SEQ_SEQ_NUM AS passage,
    CAST(row_number() OVER (
        PARTITION BY r.ETA_NUM_EPMSI, r.RIP_NUM ORDER BY coalesce(r.DEL_DAT, 0), r.SEQ_SEQ_NUM
    ) AS INT) AS place,
    {entry} + CAST(coalesce(r.DEL_DAT, 0) AS INT) AS origin,
    {entry} + CAST(coalesce(r.DEL_DAT, 0) AS INT) AS first_day,
    {entry} + CAST(coalesce(r.DEL_DAT, 0) + greatest(coalesce(r.SEQ_COU_NBJ, 1) - 1, 0) AS INT) AS last_day,
    {entry} + CAST(coalesce(r.DEL_DAT, 0) + greatest(coalesce(r.SEQ_COU_NBJ, 1) - 1, 0) AS INT) AS until_day,
    CAST(NULL AS STRING) AS site,
    CAST(NULL AS STRING) AS unit_type,
    CAST(NULL AS STRING) AS unit_type_list,
    CASE
        WHEN r.SEQ_IND = 'E' OR (r.TYP_GEN_RSA IS NOT NULL AND r.TYP_GEN_RSA <> '0') THEN 'grouping_error'
    END AS rule
FROM T_RIP_RSA r
JOIN T_RIP_C c ON c.ETA_NUM_EPMSI = r.ETA_NUM_EPMSI AND c.RIP_NUM = r.RIP_NUM
