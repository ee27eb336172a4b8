"""DuckDB, the embedded engine: runs the SQL models and the checks in bounded memory, and never calls out."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from snds_omop_assets.engines.ids import MAX_ID_FIELDS, NULL_MARK, SEPARATOR
from snds_omop_assets.errors import EngineError
from snds_omop_assets.tables import CHUNK_ROWS, Frames, StoredTable, frame_of

NO_PROGRESS = "SET enable_progress_bar = false"
"""Or DuckDB draws a bar into logs."""

DISK_IS_FULL = ("No space left", "File too large", "quota")


_kept: dict[Path, duckdb.DuckDBPyConnection] = {}


@contextmanager
def duckdb_connection(spill: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB that spills to the folder `spill` and loads no extension from the network."""
    connection = _opened(spill)
    with _failing_plainly(spill), closing(connection):
        yield connection


@contextmanager
def kept_duckdb(spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that stays open for the next who asks, for many small looks at files: to open one takes 13 CPU ms.

    What is made in it must be temporary: that goes away at the end.
    """
    if spill not in _kept:
        while _kept:
            _kept.popitem()[1].close()
        _kept[spill] = _opened(spill)
    kept = _kept[spill]
    failed = True
    try:
        with _failing_plainly(spill), closing(kept.cursor()) as cursor:
            cursor.execute(NO_PROGRESS)
            yield cursor
        failed = False
    finally:
        # One that ran out of room may refuse all that follows; what one has spilled goes away when it is closed.
        if failed or (spill.is_dir() and any(spill.iterdir())):
            _kept.pop(spill, None)
            kept.close()


def _opened(spill: Path | None) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if spill is not None:
        config["temp_directory"] = str(spill)
    connection = duckdb.connect(":memory:", config=config)
    connection.execute(NO_PROGRESS)
    return connection


@contextmanager
def _failing_plainly(spill: Path | None) -> Iterator[None]:
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise EngineError(_said(error, spill)) from None
    except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
        raise EngineError(
            f"A value of a row is too large for what is computed of it ({type(error).__name__}): columns of a file may "
            f"be shifted. Look for unlikely numbers and days in the delivery report."
        ) from None


def _said(error: duckdb.Error, spill: Path | None) -> str:
    """Why DuckDB could not read, write or hold something; its own words are not told: they may quote values."""
    where = f" in {spill.parent}" if spill is not None else ""
    if isinstance(error, duckdb.OutOfMemoryException) or any(sign in str(error) for sign in DISK_IS_FULL):
        return f"There is no room left{where} for what does not fit into memory: make room on the disk and run again."
    return f"A file of a table cannot be read{where}: receive the table again, or give this account the right to."


def define_omop_id(connection: duckdb.DuckDBPyConnection, key: str) -> None:
    """Define the macro `omop_id(prefix, field, ...)`: see engines/ids.py.

    The outer cast matters: without it Parquet would hold UINT64, which Spark reads as a decimal.
    """
    overloads = []
    separator = f"chr({ord(SEPARATOR)})"
    for count in range(1, MAX_ID_FIELDS + 1):
        names = [f"f{i}" for i in range(count)]
        fields = [f"coalesce({name}, chr({ord(NULL_MARK)}))" for name in names]
        # concat of all, because it takes three quarters of the time of concat_ws, and half of that of a chain of ||.
        text = f"concat({quoted(key)} || {separator} || prefix, {', '.join(f'{separator}, {one}' for one in fields)})"
        overloads.append(
            f"(prefix, {', '.join(names)}) AS CAST(CAST('0x' || substr(md5({text}), 1, 16) AS UBIGINT) >> 1 AS BIGINT)"
        )
    connection.execute(f"CREATE MACRO omop_id {', '.join(overloads)}")


def define_row_hash(connection: duckdb.DuckDBPyConnection) -> None:
    """Define the macro `xxhash64(value, ...)`, as Spark has it: numbers of DuckDB's own, equal for equal rows."""
    lists = [", ".join(f"f{i}" for i in range(count)) for count in range(1, MAX_ID_FIELDS + 1)]
    connection.execute("CREATE MACRO xxhash64 " + ", ".join(f"({names}) AS hash({names})" for names in lists))


def define_view(connection: duckdb.DuckDBPyConnection, name: str, table: StoredTable) -> None:
    """Make a stored table readable in SQL as `name`: Parquet in place, anything else through a temporary table."""
    if all(file.suffix == ".parquet" for file in table.files):
        connection.execute(f'CREATE VIEW "{name}" AS SELECT * FROM {parquet_rows(table.files)}')
        return
    batches = pa.RecordBatchReader.from_batches(table.schema, table.batches())
    connection.register("incoming", batches)
    connection.execute(f'CREATE TEMP TABLE "{name}" AS SELECT * FROM incoming')
    connection.unregister("incoming")


@contextmanager
def duckdb_with(
    tables: Mapping[str, StoredTable | Path], id_key: str | None = None, spill: Path | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that sees these tables under these names, and `omop_id` where an id key is given.

    A CSV file of the project's own (a Path) is read as text.
    """
    with duckdb_connection(spill) as connection:
        if id_key is not None:
            define_omop_id(connection, id_key)
        for name, table in tables.items():
            if isinstance(table, Path):
                connection.execute(
                    f'CREATE VIEW "{name}" AS SELECT * FROM read_csv({quoted(str(table))}, all_varchar = true)'
                )
            else:
                define_view(connection, name, table)
        yield connection


def one_row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """The only row of a query."""
    (row,) = connection.execute(sql).fetchall()
    return tuple(row)


def frames_of_query(connection: duckdb.DuckDBPyConnection, sql: str, schema: pa.Schema) -> Frames:
    """The result of a SELECT as frames of `schema`; its columns must have the schema's names, in order."""

    def frames() -> Iterator[pd.DataFrame]:
        for batch in connection.sql(sql).to_arrow_reader(CHUNK_ROWS):
            yield frame_of(batch.cast(schema))

    return Frames(schema, frames())


def in_order(table: StoredTable, column: str, spill: Path) -> Iterator[pd.DataFrame]:
    """The rows of a stored table as frames, sorted by a column; what does not fit into memory goes to `spill`."""
    with duckdb_with({"rows_of_table": table}, spill=spill) as connection:
        yield from frames_of_query(connection, f"SELECT * FROM rows_of_table ORDER BY {column}", table.schema).frames


def parquet_rows(files: Collection[Path]) -> str:
    """The rows of Parquet files, for a FROM clause; a column that some files lack is NULL there."""
    listed = ", ".join(quoted(str(file)) for file in files)
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
