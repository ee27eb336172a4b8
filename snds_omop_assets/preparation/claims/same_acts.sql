-- Other executors' parts of one act: rows are netting keys of CCAM acts that are no act of their own, with the act
-- that they are part of.
-- An act is person, dates, facility, code and phase; its smallest activity is the act (1 surgeon before 4
-- anaesthetist), and
-- two executors with that activity did it twice.
-- Source: HDH schema_relationnel_snds (CAM_ACT_COD); docs/etl.
WITH acts AS (
    SELECT
        n.event_key, n.person_id, n.start_date, n.end_date, n.site, n.code,
        split_part(n.variant, '/', 2) AS phase,
        coalesce(TRY_CAST(split_part(n.variant, '/', 1) AS INT), 9) AS activity
    FROM claim_all_net n
    WHERE n.nomenclature = 'CCAM' AND n.code IS NOT NULL AND NOT n.accessory AND n.quantity > 0
),

firsts AS (
    SELECT
        event_key, activity,
        min(activity) OVER (PARTITION BY person_id, start_date, end_date, site, code, phase) AS first_activity,
        first_value(event_key) OVER (
            PARTITION BY person_id, start_date, end_date, site, code, phase ORDER BY activity, event_key
        ) AS act_key
    FROM acts
)

SELECT event_key, act_key FROM firsts WHERE activity > first_activity
