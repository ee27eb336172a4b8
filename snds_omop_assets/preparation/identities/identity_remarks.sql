-- A row is something that a steward should know, and how often it is so.

SELECT 'persons whose identifiers differ in ' || conflict AS remark, count(*) AS row_count
FROM keys
WHERE conflict IS NOT NULL
GROUP BY conflict
UNION ALL
SELECT 'numbers that stand for too many identifiers and link nothing', count(*)
FROM shared_numbers
WHERE too_many
UNION ALL
SELECT 'identifiers: ' || coalesce(rule, 'of a person, met first in ' || source), count(*)
FROM identities
GROUP BY coalesce(rule, 'of a person, met first in ' || source)
UNION ALL
SELECT 'persons with several identifiers', count(*)
FROM (
    SELECT person
    FROM whose
    WHERE person IS NOT NULL AND source <> 'PMSI'
    GROUP BY person
    HAVING count(*) > 1
) AS several
