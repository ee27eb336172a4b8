-- stays/stay acts: one row per row of CCAM acts. The same act, day and phase by another executor with a greater
-- activity (4, the anaesthetist) is the same act; two executors with the smallest activity are two procedures.

SELECT
    visit_id,
    person_id,
    file_year,
    type,
    source_table,
    code,
    source_value,
    day,
    quantity,
    activity,
    phase,
    passage_id,
    coalesce(activity, 0) > min(coalesce(activity, 0)) OVER (PARTITION BY visit_id, code, day, phase) AS same_act,
    row_number() OVER (
        PARTITION BY visit_id, code, day, phase
        ORDER BY coalesce(activity, 0), place, quantity, source_value, passage_id NULLS FIRST,
            activity NULLS FIRST
    ) AS place
FROM stay_told
WHERE kind = 'act'
