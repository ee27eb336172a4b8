"""Running a prepared model: a SELECT that gives every source row a bucket, of which 'kept' goes on."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa

from snds_omop_assets.contracts.geography import CORSICA, DEPARTMENTS
from snds_omop_assets.engines.duckdb_engine import duckdb_with, frames_of_query, one_row
from snds_omop_assets.tables import Frames, StoredTable

KEPT = "kept"

REFERENCES: Mapping[str, Path] = {"departments": DEPARTMENTS, "corsica": CORSICA}
"""The geographic lists that prepared models may join."""


def prepared(
    sql: str,
    tables: Mapping[str, StoredTable],
    schema: pa.Schema,
    order: str,
    spill: Path,
    told: Mapping[str, str] | None = None,
) -> Frames:
    """Run a prepared model on DuckDB.

    Args:
        sql: SELECT of `bucket` and the columns of `schema`, one row per source row.
        tables: what the model reads, by name; the lists of REFERENCES come with them.
        schema: columns of the result.
        order: column that the result is sorted by, so that every run gives the same bytes.
        spill: folder for what does not fit into memory.
        told: SQL conditions whose rows (of the bucket 'kept') are counted, by what they mean.

    Returns:
        The rows of the bucket 'kept'; the metadata has the number of rows of each bucket under "rows: <bucket>", and
        of each condition.
    """
    buckets: dict[str, int] = {}

    def frames() -> Iterator[pd.DataFrame]:
        with duckdb_with({**tables, **REFERENCES}, spill=spill) as connection:
            connection.execute(f"CREATE TEMP TABLE judged AS {sql}")
            counted = connection.execute("SELECT bucket, count(*) FROM judged GROUP BY bucket ORDER BY bucket")
            buckets.update({f"rows: {bucket}": rows for bucket, rows in counted.fetchall()})
            for meaning, condition in (told or {}).items():
                sql_count = f"SELECT count(*) FILTER ({condition}) FROM judged WHERE bucket = '{KEPT}'"
                (buckets[meaning],) = one_row(connection, sql_count)
            names = ", ".join(schema.names)
            kept = f"SELECT {names} FROM judged WHERE bucket = '{KEPT}' ORDER BY {order}"
            yield from frames_of_query(connection, kept, schema).frames

    return Frames(schema, frames(), metadata=lambda: buckets)
