-- A row is an identifier that is linked to others; its label is at first itself.

SELECT DISTINCT identifier, identifier AS label, TRUE AS changed
FROM links
