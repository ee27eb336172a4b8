-- stays/ssr slices: one row per week of a stay (T_SSR_B).
-- JP_HWE and JP_WE have a 1 for each day of presence, Monday to Sunday. The first week (RHS_ANT_SEJ_ENT 0) begins with
-- the stay, its other units (a row each) at their first 1; another week that many days after it, at the first 1; the last
-- day is that of the last 1 (HDH visit_detail,
-- with its end corrected: 8 minus the place in the reversed text). A week without presence, or whose presence is not
-- told for its 7 days, has no days.
-- origin: the entry in the unit, from which delays of acts count: as SEJ_ANT tells it, else that of the stay for the unit
-- of the first week that the file has, and the first day of its first week for another unit.
-- Weeks whose month lies in another year are repeats (HDH pmsi_ssr); GME 90 and other types of generation are errors.

WITH week AS (
    SELECT
        b.ETA_NUM AS hospital,
        b.RHA_NUM AS number,
        b.RHS_NUM AS passage,
        {entry} AS entry,
        coalesce(b.RHS_ANT_SEJ_ENT, b.SEJ_ANT, 0) AS days_before,
        CAST(date_trunc('week', {entry}) AS DATE) AS monday,
        row_number() OVER (
            PARTITION BY b.ETA_NUM, b.RHA_NUM ORDER BY coalesce(b.RHS_ANT_SEJ_ENT, b.SEJ_ANT, 0), b.RHS_NUM
        ) > 1 AS again,
        -- The entry in the unit, where the row tells it (SEJ_ANT, days as RHS_ANT_SEJ_ENT).
        CASE WHEN b.SEJ_ANT > 0 THEN {entry} + CAST(b.RHS_ANT_SEJ_ENT - b.SEJ_ANT AS INT) END AS unit_entry,
        coalesce(b.JP_HWE, '') || coalesce(b.JP_WE, '') AS days,
        coalesce(b.ETA_NUM_GEO, b.ETA_NUM) AS site,
        nullif(upper(trim(b.AUT_TYP_UM)), '') AS unit_type,
        CASE
            WHEN b.GRG_GME LIKE '90%' OR (b.TYP_GEN_RHA IS NOT NULL AND b.TYP_GEN_RHA NOT IN ('0', '4'))
                THEN 'grouping_error'
            WHEN CAST(floor(b.MOI_ANN / 100) AS INT) <> f.file_year THEN 'repeated_week'
        END AS rule
    FROM T_SSR_B b
    JOIN T_SSR_C c ON c.ETA_NUM = b.ETA_NUM AND c.RHA_NUM = b.RHA_NUM
    CROSS JOIN this_file f
),
dated AS (
    SELECT
        *,
        CASE
            WHEN length(days) <> 7 OR instr(days, '1') = 0 THEN NULL
            WHEN days_before = 0 AND again THEN greatest(entry, monday + CAST(instr(days, '1') - 1 AS INT))
            WHEN days_before = 0 THEN entry
            ELSE entry + CAST(days_before + instr(days, '1') - 1 AS INT)
        END AS first_day,
        CAST(8 - instr(reverse(days), '1') - instr(days, '1') AS INT) AS days_more
    FROM week
),
placed AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY hospital, number ORDER BY days_before, passage) AS place
    FROM dated
)
SELECT
    hospital,
    number,
    passage,
    CAST(place AS INT) AS place,
    CASE
        WHEN min(unit_entry) OVER (PARTITION BY hospital, number, unit_type) IS NOT NULL
            THEN min(unit_entry) OVER (PARTITION BY hospital, number, unit_type)
        WHEN min(place) OVER (PARTITION BY hospital, number, unit_type) = 1 THEN entry
        ELSE coalesce(min(first_day) OVER (PARTITION BY hospital, number, unit_type), entry)
    END AS origin,
    first_day,
    first_day + days_more AS last_day,
    first_day + days_more AS until_day,
    site,
    unit_type,
    'AUT_TYP_UM' AS unit_type_list,
    rule
FROM placed
