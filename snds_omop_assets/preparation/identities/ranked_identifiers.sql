-- A row is an identifier of the referential, or one with a rank that only the facts have: whose it is.
-- Rule: who was met and is not in IR_BEN_R is a person with the demographics found there (our decision C1); where the
-- referential has the pseudo-NIR without a rank (a project without that column), it is the person of that row.

SELECT identifier, BEN_NIR_PSA, BEN_RNG_GEM, source, rule, person, reason
FROM known_identifiers
UNION ALL
SELECT
    m.identifier,
    m.BEN_NIR_PSA,
    m.BEN_RNG_GEM,
    m.source,
    coalesce(m.rule, of_psa.rule) AS rule,
    CASE WHEN m.rule IS NULL AND of_psa.rule IS NULL THEN coalesce(of_psa.person, m.identifier) END AS person,
    CASE
        WHEN m.rule = 'fictitious_identifier' THEN 'BEN_CDI_NIR says that the NIR is fictitious'
        WHEN m.rule = 'dummy_identifier' THEN 'the pseudonym is a row of x'
        WHEN of_psa.identifier IS NOT NULL THEN 'the referential has the pseudo-NIR without a rank'
        ELSE 'met in the facts only'
    END AS reason
FROM met_identifiers m
LEFT JOIN known_identifiers k ON k.identifier = m.identifier
LEFT JOIN known_identifiers of_psa ON of_psa.identifier = m.BEN_NIR_PSA || '/'
WHERE k.identifier IS NULL AND m.BEN_RNG_GEM IS NOT NULL
