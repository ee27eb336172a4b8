-- places/named_sites: one row per row of a list of establishments: T_MCO_E, T_SSR_E, T_HAD_E and T_RIP_E, which name who
-- sends stays, and BE_IDE_R, the referential of all establishments.
-- year: the last two digits of the year in the file's name (T_MCO09E.csv, T_SSR2010E.csv).
-- place: which row names the site: a name, of the latest year, of the list that comes first here.
WITH listed AS (
    SELECT 1 AS list, 'T_MCO_E' AS source_table, ETA_NUM AS finess, ETA_NUM_DELIVERED AS finess_delivered,
           SOC_RAI AS name, source_file, source_line
    FROM T_MCO_E
    UNION ALL
    SELECT 2, 'T_SSR_E', ETA_NUM, ETA_NUM, SOC_RAI, source_file, source_line FROM T_SSR_E
    UNION ALL
    SELECT 3, 'T_HAD_E', ETA_NUM, ETA_NUM, SOC_RAI, source_file, source_line FROM T_HAD_E
    UNION ALL
    SELECT 4, 'T_RIP_E', ETA_NUM, ETA_NUM, SOC_RAI, source_file, source_line FROM T_RIP_E
    UNION ALL
    SELECT 5, 'BE_IDE_R', coalesce(IDE_ETA_NUM, IDE_ETA_NU8), coalesce(IDE_ETA_NUM, IDE_ETA_NU8), IDE_ETA_NOM,
           source_file, source_line
    FROM BE_IDE_R
), dated AS (
    SELECT
        list,
        source_table,
        finess,
        finess_delivered,
        nullif(trim(name), '') AS name,
        CASE WHEN list < 5 THEN reverse(left(split_part(reverse(upper(source_file)), '.E', 2), 2)) ELSE '' END AS year,
        source_file,
        source_line
    FROM listed
)

SELECT
    list,
    source_table,
    TRY_CAST('20' || nullif(year, '') AS INT) AS file_year,
    finess,
    finess_delivered,
    name,
    row_number() OVER (
        PARTITION BY finess
        ORDER BY CASE WHEN name IS NULL THEN 1 ELSE 0 END, CASE WHEN list < 5 THEN 0 ELSE 1 END, year DESC, list,
                 source_file, source_line
    ) AS place
FROM dated
