-- stays/places: the sites, units and providers of the stays that go on, each once.

SELECT 'site' AS kind, site AS code, CAST(NULL AS STRING) AS part_of, CAST(NULL AS STRING) AS type_code
FROM parts
WHERE rule IS NULL AND site IS NOT NULL
UNION
SELECT 'site', s.site, CAST(NULL AS STRING), CAST(NULL AS STRING)
FROM slices s
JOIN parts p ON p.hospital = s.hospital AND p.number = s.number
WHERE p.rule IS NULL AND s.site IS NOT NULL
UNION
SELECT 'unit', s.site || '_' || s.unit_type, s.site, s.unit_type
FROM slices s
JOIN parts p ON p.hospital = s.hospital AND p.number = s.number
WHERE p.rule IS NULL AND s.site IS NOT NULL AND s.unit_type IS NOT NULL
UNION
SELECT 'provider', provider, CAST(NULL AS STRING), CAST(NULL AS STRING)
FROM parts
WHERE rule IS NULL AND provider IS NOT NULL
