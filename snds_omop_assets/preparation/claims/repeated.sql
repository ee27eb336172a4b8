-- What several lines are alike in: few, and only they need sums.
SELECT alike
FROM claim_known
WHERE alike IS NOT NULL
GROUP BY alike
HAVING count(*) > 1
