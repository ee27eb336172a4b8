-- A row is an identifier, each once, with its person: see preparation/shapes.py IDENTITIES.

SELECT
    w.BEN_NIR_PSA,
    w.BEN_RNG_GEM,
    k.person_key,
    k.person_id,
    coalesce(w.rule, k.rule) AS rule,
    w.persons_of_psa,
    concat_ws('; ', w.reason, k.explanation) AS reason,
    w.source,
    k.conflict
FROM whose w
LEFT JOIN keys k ON k.person = w.person
