-- A row is an identifier that the facts mention; dummy and fictitious as in referential_rows.sql.

SELECT
    BEN_NIR_PSA || '/' || coalesce(BEN_RNG_GEM, '') AS identifier,
    BEN_NIR_PSA,
    BEN_RNG_GEM,
    min(source) AS source,
    max(death_date) AS death_date,
    max(death_month) AS death_month,
    CASE
        WHEN length(BEN_NIR_PSA) >= 16 AND length(replace(upper(BEN_NIR_PSA), 'X', '')) <= 1 THEN 'dummy_identifier'
        WHEN count(*) = count(*) FILTER (
            WHERE BEN_CDI_NIR IN ('01', '05', '06', '08', '09', '11', '12', '13', '14', '15')
        ) THEN 'fictitious_identifier'
    END AS rule
FROM met_persons
WHERE BEN_NIR_PSA IS NOT NULL
GROUP BY BEN_NIR_PSA, BEN_RNG_GEM
