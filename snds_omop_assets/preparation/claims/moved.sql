-- Cancelling lines that came without their facility: rows are netting keys that change by it, with what is added to
-- them and, for those that cancel, the key with which they end (partner_key).
-- Such a line nets with the only positive key that agrees on the rest and tells the facility that it lacks: that of
-- ER_ETE_F, or that of the prescriber where the line has neither. Where there are none or several, it stays alone.
-- Source: docs/synthetic.md (cancelled_without_site).
WITH lone AS (
    SELECT event_key, rest_key, facility, quantity, total, payer FROM claim_net WHERE quantity < 0 AND site IS NULL
),

pairs AS (
    SELECT l.event_key, min(n.event_key) AS partner_key
    FROM lone l
    JOIN claim_net n ON n.rest_key = l.rest_key
    WHERE n.quantity > 0 AND (n.site IS NOT NULL OR (l.facility IS NULL AND n.facility IS NOT NULL))
    GROUP BY l.event_key
    HAVING count(*) = 1
)

SELECT event_key, p.partner_key, -l.quantity AS quantity, -l.total AS total, -l.payer AS payer
FROM lone l
JOIN pairs p USING (event_key)
UNION ALL
SELECT p.partner_key, CAST(NULL AS BIGINT), sum(l.quantity), sum(l.total), sum(l.payer)
FROM lone l
JOIN pairs p USING (event_key)
GROUP BY p.partner_key
