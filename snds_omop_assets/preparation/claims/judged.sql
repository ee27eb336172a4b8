-- What becomes of all that is left after netting: rows are those of claim_all_net.
--
-- rule     netted, same_act, accessory (its visit is looked for later) or visit
-- act_key  see same_acts.sql
-- Source: docs/synthetic.md (What becomes of each row).
SELECT
    n.*,
    CASE
        WHEN n.quantity <= 0 THEN 'netted'
        WHEN s.act_key IS NOT NULL THEN 'same_act'
        WHEN n.accessory THEN 'accessory'
        ELSE 'visit'
    END AS rule,
    s.act_key
FROM claim_all_net n
LEFT JOIN claim_same_acts s USING (event_key)
