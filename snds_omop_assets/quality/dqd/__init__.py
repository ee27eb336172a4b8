"""OHDSI's Data Quality Dashboard without R and JDBC: the same checks, thresholds and numbers, on any CDM.

opening.py finds the tables of a CDM, copies.py copies those that engines do not read in place, judge.py counts what
violates each rule of contracts/cdm_checks.py, results.py is what it found, report.py joins them, dashboard.py writes
the results as JSON for OHDSI's viewer and as a page.
"""
