-- Rows are the professionals that the year mentions, each once: `provider` (SPE:1) and its `provider_id`.
-- There are some hundred of them, and as many hashes; events are billions.
SELECT provider, omop_id('provider', provider) AS provider_id
FROM (
    SELECT provider FROM visits
    UNION
    SELECT provider FROM details
    UNION
    SELECT provider FROM events
) AS met
WHERE provider IS NOT NULL
