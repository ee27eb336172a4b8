"""What a CDM holds, in figures: OHDSI's Achilles analyses that people read first, without R and JDBC, on any CDM.

analyses.csv says what is counted, of which rows and by what; sql/ makes those rows out of the CDM tables (sources.py);
characterise.py counts; hiding.py leaves out what would tell of few persons; pictures.py draws; assets.py and report.py
are the doors.
"""
