-- The rows of a table of events: whether they start in an observation period of the person, and also end in it.
SELECT
    e.person_id, e.concept, e.source_concept, e.type, e.start_date, e.days_supply, e.quantity,
    days_between(e.start_date, e.end_date) AS days,
    p.person_id IS NOT NULL AS inside,
    COALESCE(e.end_date <= p.end_date, FALSE) AS whole_inside
FROM {rows} AS e
LEFT JOIN {observed} AS p ON e.person_id = p.person_id AND e.start_date BETWEEN p.start_date AND p.end_date
