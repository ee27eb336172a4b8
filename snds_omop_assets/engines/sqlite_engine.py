"""SQLite: runs the SQL of the tables that land in SQLite."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing

import pandas as pd
import pyarrow as pa

from snds_omop_assets.engines.ids import omop_id
from snds_omop_assets.tables import CHUNK_ROWS, PANDAS_DTYPES, Frames, StoredTable

TIMEOUT_SECONDS = 30
"""SQLite's default of 5 s makes the second of two writers fail with `database is locked` (measured)."""

SQLITE_TYPES: Mapping[pa.DataType, str] = {
    pa.int64(): "INTEGER",
    pa.float64(): "REAL",
    pa.string(): "TEXT",
    pa.date32(): "TEXT",
    pa.timestamp("us"): "TEXT",
}


def create_table(connection: sqlite3.Connection, name: str, schema: pa.Schema, constraints: str = "") -> None:
    """Create an empty table with the columns of `schema`."""
    columns = ", ".join(f'"{field.name}" {SQLITE_TYPES[field.type]}' for field in schema)
    connection.execute(f'CREATE TABLE "{name}" ({columns}{", " + constraints if constraints else ""})')


def insert_batches(connection: sqlite3.Connection, name: str, batches: Iterator[pa.RecordBatch]) -> int:
    """Append rows to a table; returns how many."""
    rows = 0
    for batch in batches:
        places = ", ".join("?" * batch.num_columns)
        values = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        connection.executemany(f'INSERT INTO "{name}" VALUES ({places})', values)
        rows += batch.num_rows
    return rows


def frames_of_sqlite_query(
    sql: str, tables: Mapping[str, StoredTable | pa.Table], schema: pa.Schema, id_key: str
) -> Frames:
    """Run a SELECT in SQLite over tables; SQL sees them by name, and the function `omop_id(prefix, field, ...)`.

    The tables are copied into a temporary on-disk database, so memory stays bounded.

    Returns:
        Frames of `schema`, whose columns the SELECT must give in order.
    """

    def frames() -> Iterator[pd.DataFrame]:
        # An empty name is SQLite's private temporary database: it spills to disk and vanishes when closed.
        with closing(sqlite3.connect("", timeout=TIMEOUT_SECONDS)) as connection:
            connection.create_function("omop_id", -1, lambda *args: omop_id(id_key, *args), deterministic=True)
            for name, table in tables.items():
                create_table(connection, name, table.schema)
                batches = iter(table.to_batches()) if isinstance(table, pa.Table) else table.batches()
                insert_batches(connection, name, batches)
            cursor = connection.execute(sql)
            while rows := cursor.fetchmany(CHUNK_ROWS):
                columns = zip(*rows, strict=True)
                yield pd.DataFrame(
                    {
                        field.name: pd.array(list(values), dtype=PANDAS_DTYPES[field.type])
                        for field, values in zip(schema, columns, strict=True)
                    }
                )

    return Frames(schema, frames())
