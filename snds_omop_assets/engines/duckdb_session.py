"""DuckDB as a session of models."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from snds_omop_assets.engines.duckdb_engine import (
    define_omop_id,
    define_row_hash,
    define_view,
    duckdb_connection,
    one_row,
    parquet_rows,
    quoted,
)
from snds_omop_assets.engines.sessions import END_OF_MONTH, cast_to, make_empty
from snds_omop_assets.tables import StoredTable

SOME_ROWS = 1_000_000

FEW_VALUES = 4000
"""Values of a column, in the rows that Parquet writes together, up to which they are written as a dictionary: to try it
with a column of ids, as DuckDB does up to a fifth of the rows, takes a tenth of the time of writing (measured)."""


class DuckDBSession:
    """DuckDB as a `Session`; its temporary tables spill to disk."""

    divides = False
    """It would hold the keys of everything at once."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def give(self, name: str, table: pa.Table | StoredTable) -> None:
        """See `Session`."""
        self.drop(name)
        if isinstance(table, pa.Table):
            self.connection.register("incoming", table)
            self.connection.execute(f'CREATE TEMP TABLE "{name}" AS SELECT * FROM incoming')
            self.connection.unregister("incoming")
        else:
            define_view(self.connection, name, table)

    def step(self, name: str, sql: str) -> None:
        """See `Session`."""
        self.connection.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {sql}')

    def give_files(self, name: str, files: Sequence[Path], schema: pa.Schema) -> None:
        """See `Session`."""
        if not files:
            self.view(name, f"SELECT {cast_to(schema, set())} WHERE FALSE")
            return
        rows = parquet_rows(files)
        there = {row[0] for row in self.connection.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()}
        self.view(name, f"SELECT {cast_to(schema, there)} FROM {rows}")

    def view(self, name: str, sql: str) -> None:
        """See `Session`."""
        self.connection.execute(f'CREATE OR REPLACE TEMP VIEW "{name}" AS {sql}')

    def drop(self, *names: str) -> None:
        """See `Session`."""
        kinds = self.connection.execute(
            "SELECT table_name, table_type FROM information_schema.tables WHERE list_contains(?, table_name)",
            [list(names)],
        )
        for name, kind in kinds.fetchall():
            self.connection.execute(f'DROP {"VIEW" if kind == "VIEW" else "TABLE"} "{name}"')

    def write(self, sql: str, folder: Path, schema: pa.Schema, compression: str = "zstd") -> int:
        """See `Session`."""
        make_empty(folder)
        target = quoted(str(folder / "part-0.parquet"))
        columns, nulls = cast_to(schema, set(schema.names)), cast_to(schema, set())
        # A column without a NULL would become one that cannot have any, and files of one table would have several
        # schemas. What DuckDB cannot foresee (random() is below 1) keeps it from that.
        select = f"SELECT {columns} FROM ({sql}) UNION ALL SELECT {nulls} FROM range(1) WHERE random() > 1"
        # The lowest level takes a sixth less time for files that are 3 % larger (measured).
        level = ", COMPRESSION_LEVEL 1" if compression == "zstd" else ""
        options = f"FORMAT parquet, COMPRESSION {compression}{level}, DICTIONARY_SIZE_LIMIT {FEW_VALUES}"
        (rows,) = one_row(self.connection, f"COPY ({select}) TO {target} ({options})")
        return int(rows)

    def result(self, sql: str) -> pa.Table:
        """See `Session`."""
        return self.connection.sql(sql).to_arrow_reader(SOME_ROWS).read_all()


@contextmanager
def duckdb_session(
    spill: Path | None = None, id_key: str | None = None, memory: str | None = None
) -> Iterator[DuckDBSession]:
    """A `Session` on an in-memory DuckDB.

    Args:
        spill: folder for what does not fit into memory.
        id_key: key of `omop_id`; without one the function is not there.
        memory: how much DuckDB may take, as `8GB`; None leaves it its own limit.
    """
    with duckdb_connection(spill) as connection:
        if memory is not None:
            connection.execute(f"SET memory_limit = {quoted(memory)}")
        connection.execute("SET preserve_insertion_order = false")
        # DuckDB keeps what a query reads twice in memory, row for row: to read it again costs less (measured: a tenth
        # of the conversion of a year of care).
        connection.execute("SET disabled_optimizers = 'common_subplan'")
        connection.execute("CREATE MACRO days_between(first, last) AS CAST(last - first AS INTEGER)")
        connection.execute(f"CREATE MACRO end_of_month(yyyymm) AS {END_OF_MONTH}")
        define_row_hash(connection)
        if id_key is not None:
            define_omop_id(connection, id_key)
        yield DuckDBSession(connection)
