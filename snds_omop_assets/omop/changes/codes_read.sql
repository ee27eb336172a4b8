-- The codes whose answers a part depends on: of its events, of where visits come from and lead to, of units, and of the
-- natures of service of its lines, which make visits and acts.
SELECT nomenclature, code FROM events
UNION
SELECT admitted_from_list, admitted_from FROM visits WHERE admitted_from IS NOT NULL
UNION
SELECT discharged_to_list, discharged_to FROM visits WHERE discharged_to IS NOT NULL
UNION
SELECT unit_type_list, unit_type FROM details WHERE unit_type IS NOT NULL
UNION
SELECT l.nomenclature, n.PRS_NAT_REF
FROM natures_met n CROSS JOIN (VALUES ('PRS_NAT_VISIT'), ('PRS_NAT_REF')) AS l(nomenclature)
