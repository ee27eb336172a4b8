-- A row is a number for life that several identifiers have, and whether it has too many of them to be one person's.
-- Rule: our own guard; nobody has more than MOST_IDENTIFIERS, a number that does is a dummy and links nothing.

SELECT number_for_life, count(*) AS identifiers, count(*) > (SELECT most_identifiers FROM identity_limits) AS too_many
FROM own_numbers
GROUP BY number_for_life
HAVING count(*) > 1
