"""DuckDB, SQLite and Spark behind small functions, and the id function that is equal on all of them."""
