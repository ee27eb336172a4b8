-- How a code may be looked up: rows are a code and one spelling of it in a list of codes, the narrowest first.
--
-- codes        nomenclature, code, seven (CIP7 or UCD7 of a drug's code), local_id
-- packs        cip7, ucd7, atc
-- numbers      n
--
-- width is how far the spelling is from the code: 0 the code itself, 1 and more a wider one, 90 its ingredient.
SELECT nomenclature, code, nomenclature AS list, code AS spelled, 0 AS width, 'code' AS precision
FROM codes

UNION ALL
-- A CIP13 holds its CIP7, a UCD13 its UCD7: the same thing.
SELECT nomenclature, code, CASE WHEN nomenclature = 'UCD' THEN 'UCD' ELSE 'CIP7' END, seven, 0, 'code'
FROM codes
WHERE nomenclature IN ('CIP13', 'UCD') AND seven <> code

UNION ALL
-- The PMSI extends codes of the CIM-10 by one to three characters: they go one by one, down to the category.
SELECT c.nomenclature, c.code, c.nomenclature, substr(c.code, 1, length(c.code) - n.n), n.n, 'trimmed'
FROM codes c JOIN numbers n ON length(c.code) - n.n >= 3
WHERE c.nomenclature = 'CIM10'

UNION ALL
-- An act of the CCAM has seven characters; what follows is an extension of the PMSI.
SELECT nomenclature, code, nomenclature, substr(code, 1, 7), 1, 'trimmed'
FROM codes
WHERE nomenclature = 'CCAM' AND length(code) > 7

UNION ALL
-- A unit (UCD) is sold in packs of the same drug.
SELECT DISTINCT c.nomenclature, c.code, 'CIP7', p.cip7, 1, 'pack'
FROM codes c JOIN packs p ON p.ucd7 = c.seven
WHERE c.nomenclature = 'UCD' AND p.cip7 IS NOT NULL

UNION ALL
-- The ATC code of a drug names its ingredient.
SELECT DISTINCT c.nomenclature, c.code, 'ATC', p.atc, 90, 'ingredient'
FROM codes c
JOIN packs p ON CASE WHEN c.nomenclature = 'UCD' THEN p.ucd7 ELSE p.cip7 END = c.seven
WHERE c.nomenclature IN ('CIP13', 'CIP7', 'UCD') AND p.atc IS NOT NULL
