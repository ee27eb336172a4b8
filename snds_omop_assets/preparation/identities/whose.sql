-- A row is an identifier, each once: whose it is, and how many persons stand under its pseudo-NIR.
-- Rule: an identifier without a rank (PMSI, projects without the column) is the only person's under the pseudo-NIR, or
-- a person of its own where nothing else has it; under the pseudo-NIR of twins it is nobody's, and has no row. The PMSI
-- never has a rank: what it calls by a pseudo-NIR that stands elsewhere needs no row of its own.

SELECT r.identifier, r.BEN_NIR_PSA, r.BEN_RNG_GEM, r.source, r.rule, r.person, r.reason, p.persons_of_psa
FROM ranked_identifiers r
JOIN pseudonyms p ON p.BEN_NIR_PSA = r.BEN_NIR_PSA
UNION ALL
SELECT
    m.identifier,
    m.BEN_NIR_PSA,
    m.BEN_RNG_GEM,
    m.source,
    CASE
        WHEN m.rule IS NOT NULL THEN m.rule
        WHEN p.persons_of_psa = 0 THEN p.rule
    END AS rule,
    CASE
        WHEN m.rule IS NOT NULL OR p.persons_of_psa = 0 THEN NULL
        ELSE coalesce(p.person, m.identifier)
    END AS person,
    CASE
        WHEN m.rule = 'fictitious_identifier' THEN 'BEN_CDI_NIR says that the NIR is fictitious'
        WHEN m.rule = 'dummy_identifier' THEN 'the pseudonym is a row of x'
        WHEN p.persons_of_psa = 0 THEN 'nothing else under the pseudo-NIR is a person'
        WHEN p.persons_of_psa = 1 THEN 'the only person under the pseudo-NIR'
        ELSE 'met in the facts only'
    END AS reason,
    coalesce(p.persons_of_psa, CASE WHEN m.rule IS NULL THEN 1 ELSE 0 END) AS persons_of_psa
FROM met_identifiers m
LEFT JOIN pseudonyms p ON p.BEN_NIR_PSA = m.BEN_NIR_PSA
LEFT JOIN known_identifiers k ON k.identifier = m.identifier
WHERE k.identifier IS NULL AND m.BEN_RNG_GEM IS NULL AND coalesce(p.persons_of_psa, 0) <= 1
  AND (m.source <> 'PMSI' OR p.BEN_NIR_PSA IS NULL)
