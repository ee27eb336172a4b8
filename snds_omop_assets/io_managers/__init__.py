"""Where tables lie: CSV, SQLite and Parquet files, written aside and renamed, read in batches."""
