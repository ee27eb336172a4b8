"""One door to DuckDB and Spark for SQL that both understand: give tables, run a SELECT per step, read the end.

The SQL of a model keeps to what both engines say in the same way (no dialect is translated), and a test holds
their answers equal.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import duckdb
import pyarrow as pa

from snds_omop_assets.engines.duckdb_engine import define_view, duckdb_connection
from snds_omop_assets.tables import StoredTable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SOME_ROWS = 1_000_000


class Session(Protocol):
    """An engine that runs the steps of a model."""

    def give(self, name: str, table: pa.Table | StoredTable) -> None:
        """Make a table readable in SQL under a name."""

    def step(self, name: str, sql: str) -> None:
        """Compute a SELECT once; later steps read it by this name."""

    def result(self, sql: str) -> pa.Table:
        """The rows of a SELECT, in memory: for small tables."""


class DuckDBSession:
    """DuckDB as a `Session`; its temporary tables spill to disk."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def give(self, name: str, table: pa.Table | StoredTable) -> None:
        """See `Session`."""
        if isinstance(table, pa.Table):
            self.connection.register("incoming", table)
            self.connection.execute(f'CREATE TEMP TABLE "{name}" AS SELECT * FROM incoming')
            self.connection.unregister("incoming")
        else:
            define_view(self.connection, name, table)

    def step(self, name: str, sql: str) -> None:
        """See `Session`."""
        self.connection.execute(f'CREATE TEMP TABLE "{name}" AS {sql}')

    def result(self, sql: str) -> pa.Table:
        """See `Session`."""
        return self.connection.sql(sql).to_arrow_reader(SOME_ROWS).read_all()


class SparkSessionOfModels:
    """Spark as a `Session`; each step is kept for those after it."""

    def __init__(self, spark: "SparkSession") -> None:
        self.spark = spark

    def give(self, name: str, table: pa.Table | StoredTable) -> None:
        """See `Session`; a stored table must be Parquet."""
        if isinstance(table, pa.Table):
            self.spark.createDataFrame(table).createOrReplaceTempView(name)
        else:
            self.spark.read.parquet(*map(str, table.files)).createOrReplaceTempView(name)

    def step(self, name: str, sql: str) -> None:
        """See `Session`."""
        # Plans and partitions of steps would pile up: each step is cut off from those before, and kept in few pieces.
        pieces = int(self.spark.conf.get("spark.sql.shuffle.partitions"))
        self.spark.sql(sql).coalesce(pieces).localCheckpoint().createOrReplaceTempView(name)

    def result(self, sql: str) -> pa.Table:
        """See `Session`."""
        found: pa.Table = self.spark.sql(sql).toArrow()
        return found


@contextmanager
def duckdb_session(spill: Path | None = None) -> Iterator[DuckDBSession]:
    """A `Session` on an in-memory DuckDB that spills to the folder `spill`."""
    with duckdb_connection(spill) as connection:
        yield DuckDBSession(connection)
