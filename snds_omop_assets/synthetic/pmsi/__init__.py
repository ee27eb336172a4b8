"""The tables of the hospitals (PMSI), made from settled stays: one file per field (MCO, SSR, HAD, psychiatry)."""
