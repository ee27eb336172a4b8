-- A row is a person without a month of birth: the first day of care in the year of birth, if there is one.
-- The PMSI has no rank: what it tells under the pseudo-NIR of one person is that person's.

SELECT l.person, min(m.first_day) AS first_care
FROM latest_states l
JOIN whose w ON w.person = l.person
JOIN met_persons m
    ON m.BEN_NIR_PSA = w.BEN_NIR_PSA
    AND (m.BEN_RNG_GEM IS NOT DISTINCT FROM w.BEN_RNG_GEM OR m.BEN_RNG_GEM IS NULL AND w.persons_of_psa = 1)
WHERE l.BEN_NAI_MOI IS NULL AND year(m.first_day) = l.BEN_NAI_ANN
GROUP BY l.person
