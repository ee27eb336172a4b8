-- stays/stay counts (COUNTS): numbers of source rows of these years of care by table, file year and rule.

WITH lines AS (
    SELECT m.source_table, p.file_year, p.rule AS stay_rule, p.place, m.first_rule, m.rule, m.row_count
    FROM stay_mentions m
    JOIN stay_known p ON p.part_id = m.part_id
),
twice AS (
    -- What of MEDATU stands in MED too: the same drug, visit and day.
    SELECT atu.source_table, atu.file_year, count(*) AS row_count
    FROM stay_told atu
    WHERE atu.kind = 'good' AND atu.counted AND atu.nomenclature = 'UCD' AND atu.source_table LIKE '%MEDATU'
        AND (atu.code LIKE '%9261104' OR atu.code LIKE '%9261110')
        AND EXISTS (
            SELECT 1 FROM stay_told med
            WHERE med.visit_id = atu.visit_id AND med.code = atu.code AND med.day = atu.day
                AND med.nomenclature = 'UCD' AND med.source_table NOT LIKE '%MEDATU'
        )
    GROUP BY atu.source_table, atu.file_year
),
rows_by_rule AS (
    SELECT source_table, file_year, stay_rule AS rule, row_count FROM lines WHERE stay_rule IS NOT NULL
    UNION ALL
    SELECT source_table, file_year, first_rule, 1 FROM lines WHERE stay_rule IS NULL AND place = 1
    UNION ALL
    SELECT source_table, file_year, rule, row_count - CASE WHEN place = 1 THEN 1 ELSE 0 END
    FROM lines
    WHERE stay_rule IS NULL
    UNION ALL
    -- Diagnoses, acts and goods of stays that nobody knows whose they are
    SELECT r.source_table, p.file_year, p.rule, count(*)
    FROM stay_rows r
    JOIN stay_known p ON p.part_id = r.part_id
    WHERE r.counted AND p.rule IS NOT NULL
    GROUP BY r.source_table, p.file_year, p.rule
    UNION ALL
    -- A diagnosis is one event: the first row makes it, the others are the same diagnosis.
    SELECT source_table, file_year, 'same_diagnosis', count(*)
    FROM stay_told
    WHERE kind = 'diagnosis' AND counted
    GROUP BY source_table, file_year
    UNION ALL
    SELECT source_table, file_year, 'same_diagnosis', -count(*) FROM stay_diagnoses WHERE counted
    GROUP BY source_table, file_year
    UNION ALL
    SELECT source_table, file_year, 'event', count(*) FROM stay_diagnoses WHERE counted
    GROUP BY source_table, file_year
    UNION ALL
    SELECT source_table, file_year, CASE WHEN same_act THEN 'same_act' ELSE 'event' END, count(*)
    FROM stay_acts
    GROUP BY source_table, file_year, CASE WHEN same_act THEN 'same_act' ELSE 'event' END
    UNION ALL
    SELECT source_table, file_year, 'event', count(*)
    FROM stay_told
    WHERE kind = 'good' AND counted
    GROUP BY source_table, file_year
    UNION ALL
    SELECT source_table, file_year, 'event', -row_count FROM twice
    UNION ALL
    SELECT source_table, file_year, 'listed_twice', row_count FROM twice
)
SELECT source_table, file_year, rule, CAST(sum(row_count) AS BIGINT) AS row_count
FROM rows_by_rule
GROUP BY source_table, file_year, rule
HAVING sum(row_count) <> 0
