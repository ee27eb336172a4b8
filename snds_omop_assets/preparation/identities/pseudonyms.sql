-- A row is a pseudo-NIR of ranked_identifiers: how many persons stand under it, and who where it is one.
-- Persons without a year of birth are counted: a stay of theirs must not fall to their twin.

SELECT BEN_NIR_PSA, count(DISTINCT person) AS persons_of_psa, min(person) AS person, min(rule) AS rule
FROM ranked_identifiers
GROUP BY BEN_NIR_PSA
