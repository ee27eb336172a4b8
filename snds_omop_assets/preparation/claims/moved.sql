-- Cancelling lines that came without their facility: rows are netting keys that change by it, with what is added to
-- them and, for those that cancel, the key with which they end (partner_key).
-- Such a line nets with the only positive key that agrees on the rest; where there are none or several, it stays alone.
-- Source: docs/synthetic.md (cancelled_without_site).
WITH lone AS (
    SELECT event_key, rest_key, quantity, total, payer FROM claim_net WHERE quantity < 0 AND site IS NULL
),

partners AS (
    SELECT n.rest_key, min(n.event_key) AS event_key
    FROM claim_net n
    WHERE n.quantity > 0 AND n.site IS NOT NULL AND n.rest_key IN (SELECT rest_key FROM lone)
    GROUP BY n.rest_key
    HAVING count(*) = 1
)

SELECT l.event_key, p.event_key AS partner_key, -l.quantity AS quantity, -l.total AS total, -l.payer AS payer
FROM lone l
JOIN partners p USING (rest_key)
UNION ALL
SELECT p.event_key, CAST(NULL AS BIGINT), sum(l.quantity), sum(l.total), sum(l.payer)
FROM lone l
JOIN partners p USING (rest_key)
GROUP BY p.event_key
