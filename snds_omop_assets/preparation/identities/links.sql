-- A row is an identifier and a number for life that it shares with others: what links identifiers of a person.

SELECT identifier, number_for_life, told_by
FROM own_numbers
JOIN shared_numbers USING (number_for_life)
WHERE NOT too_many
