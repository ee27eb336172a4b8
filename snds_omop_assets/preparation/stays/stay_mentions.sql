-- stays/stay mentions: numbers of source rows, by stay and table, that make nothing of their own beside it.
-- first_rule is that of one of them, where the stay is the first of its visit; rule is that of all others.

SELECT
    part_id,
    care_year,
    source_table,
    coalesce(later_rule, first_rule) AS first_rule,
    coalesce(later_rule, then_rule) AS rule,
    count(*) AS row_count
FROM judged
WHERE counted AND rule IS NULL AND (kind = 'line' OR later_rule IS NOT NULL)
GROUP BY part_id, care_year, source_table, coalesce(later_rule, first_rule), coalesce(later_rule, then_rule)
