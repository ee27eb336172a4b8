"""One door to DuckDB and Spark for SQL that both understand: give tables, run a SELECT per step, read the end.

The SQL of a model keeps to what both engines say in the same way (no dialect is translated), and a test holds
their answers equal. What they say differently is a function that each session defines:

    omop_id(prefix, field, ...)      the id of a row, of one to MAX_ID_FIELDS texts (engines/ids.py)
    days_between(first, last)        whole days from the one date to the other
    end_of_month(yyyymm)             last day of a month that is a number, as 201802; NULL where it is no month
    xxhash64(value, ...)             a number of 64 bits that finds rows that are alike, of one to MAX_ID_FIELDS values:
                                     Spark's own, and another one on DuckDB. So it is never stored and decides nothing
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import pyarrow as pa

from snds_omop_assets.tables import StoredTable

SQL_TYPES: Mapping[pa.DataType, str] = {
    pa.int64(): "BIGINT",
    pa.int32(): "INT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
    pa.string(): "STRING",
}
"""The types of stored columns, in words of both engines."""

END_OF_MONTH: Final = (
    "CASE WHEN yyyymm % 100 BETWEEN 1 AND 12 "
    "THEN last_day(make_date(CAST(floor(yyyymm / 100) AS INT), CAST(yyyymm % 100 AS INT), 1)) END"
)
"""What `end_of_month` is, in words of both engines."""


class Session(Protocol):
    """An engine that runs the steps of a model."""

    @property
    def divides(self) -> bool:
        """Whether the engine cuts what is large by itself, so that whoever has parts need not bring one at a time."""

    def give(self, name: str, table: pa.Table | StoredTable) -> None:
        """Make a table readable in SQL under a name."""

    def give_files(self, name: str, files: Sequence[Path], schema: pa.Schema) -> None:
        """Make Parquet files readable as one table with exactly these columns.

        A column that some or all files lack is NULL there; without files the table is empty.
        """

    def view(self, name: str, sql: str) -> None:
        """Give a SELECT a name; it is computed by whoever reads it."""

    def drop(self, *names: str) -> None:
        """Forget steps and views, and what they hold."""

    def write(self, sql: str, folder: Path, schema: pa.Schema, compression: str = "zstd") -> int:
        """Write the rows of a SELECT as Parquet files into a new or empty folder, cast to the columns of a schema.

        Returns:
            How many rows.

        Raises:
            FileExistsError: there is something in the folder.
        """

    def step(self, name: str, sql: str) -> None:
        """Compute a SELECT once; later steps read it by this name."""

    def result(self, sql: str) -> pa.Table:
        """The rows of a SELECT, in memory: for small tables."""


def make_empty(folder: Path) -> None:
    """Make a folder, or see that there is nothing in it.

    Raises:
        FileExistsError: there is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")


def cast_to(schema: pa.Schema, there: set[str]) -> str:
    """The columns of a schema for a SELECT; those that are not there are NULL."""
    return ", ".join(columns_of(schema, there))


def columns_of(schema: pa.Schema, there: set[str]) -> list[str]:
    """The same, one by one."""
    return [f"CAST({f.name if f.name in there else 'NULL'} AS {SQL_TYPES[f.type]}) AS {f.name}" for f in schema]
