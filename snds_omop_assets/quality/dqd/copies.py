"""Copies of tables as Parquet, for what engines do not read in place: CSV, SQLite and DuckDB files.

Only columns of the CDM are copied. A file is read a batch at a time, and never written.
"""

import csv
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.duckdb_engine import quoted
from snds_omop_assets.engines.sqlite_engine import TIMEOUT_SECONDS
from snds_omop_assets.errors import SndsOmopError
from snds_omop_assets.tables import CHUNK_ROWS

DELIMITERS = ",\t;|"
NULLS = ["", r"\N"]
"""What an absent value is in a CSV file: an empty field, or PostgreSQL's mark."""

BLOCK_BYTES = 1 << 24
"""Read at once; a line must fit into it."""

DAY_SECONDS = 86_400
DAYS_AT_MOST = 100_000
"""A number in a column of dates counts days since 1970 up to this, and seconds above it."""


class CdmError(SndsOmopError):
    """A CDM cannot be read: nothing of it is there, or a table is damaged."""


def copied_csv(path: Path, table: str, copies: Path) -> Sequence[Path]:
    """Copy a CSV file, whose columns are all text; an empty field is NULL.

    The first line has the names of the columns, and tells what stands between them: a comma, tab, semicolon or bar.
    Between tabs quotes are plain characters, as in the files of Athena, unless the first line has some.

    Raises:
        CdmError: the file is empty or damaged, not in UTF-8, or a line has more or fewer fields than the first.
    """
    names, delimiter, quotes = _first_line(path)
    known = {field.name for field in cdm_tables()[table].fields}
    wanted = [name for name in names if name.lower() in known]
    bad: list[pyarrow.csv.InvalidRow] = []

    def refuse(row: pyarrow.csv.InvalidRow) -> str:
        bad.append(row)
        return "error"

    try:
        with pyarrow.csv.open_csv(
            _opened(path),
            pyarrow.csv.ReadOptions(column_names=names, skip_rows=1, block_size=BLOCK_BYTES),
            pyarrow.csv.ParseOptions(
                delimiter=delimiter,
                quote_char='"' if quotes else False,
                newlines_in_values=quotes,
                invalid_row_handler=refuse,
            ),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=wanted,
                strings_can_be_null=True,
                null_values=NULLS,
            ),
        ) as batches:
            return _written(batches, batches.schema, table, copies)
    except (OSError, pa.ArrowException, UnicodeDecodeError):  # Arrow's words quote the line
        why = f"a line has {bad[0].actual_columns} fields and the first has {len(names)}" if bad else (
            "it is damaged or not in UTF-8"
        )  # fmt: skip
        raise CdmError(f"{path} cannot be read as a CSV file, {why}: write it again.") from None


def _opened(path: Path) -> pa.NativeFile:
    """The bytes of a file that may be packed."""
    return pa.input_stream(str(path), compression="gzip" if path.suffix.lower() == ".gz" else None)


def _first_line(path: Path) -> tuple[list[str], str, bool]:
    """The names of the columns, what stands between them, and whether quotes are marks."""
    try:
        with _opened(path) as file:
            line = file.read(BLOCK_BYTES).partition(b"\n")[0].decode("utf-8-sig").rstrip("\r")
    except (OSError, pa.ArrowException, UnicodeDecodeError):
        raise CdmError(f"{path} cannot be read as a CSV file in UTF-8: write it again.") from None
    if not line.strip():
        raise CdmError(f"{path} is empty: its first line must have the names of the columns.")
    delimiter = max(DELIMITERS, key=line.count)
    names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter))]
    return names, delimiter, delimiter != "\t" or '"' in line


def sqlite_tables(path: Path) -> list[str]:
    """Names of the tables and views of a SQLite file.

    Raises:
        CdmError: it cannot be read.
    """
    with _sqlite(path) as connection:
        return [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        ]


def copied_sqlite(path: Path, name: str, copies: Path) -> Sequence[Path]:
    """Copy a table of a SQLite file.

    SQLite binds no column to a type. So the values decide: whole numbers, numbers, else text. A date or a time that is
    stored as a number (so does R) becomes its text.

    Raises:
        CdmError: it cannot be read.
    """
    table = name.lower()
    known = {field.name for field in cdm_tables()[table].fields}
    with _sqlite(path) as connection:
        declared = connection.execute("SELECT name, upper(type) FROM pragma_table_info(?)", [name]).fetchall()
        columns = [(column, kind) for column, kind in declared if column.lower() in known]
        if not columns:
            return _written((), pa.schema([]), table, copies)
        counts = ", ".join(_sqlite_counts(column) for column, _ in columns)
        found = iter(connection.execute(f"SELECT {counts} FROM {_q(name)}").fetchone())
        selected, fields = [], []
        for column, kind in columns:
            expression, stored = _sqlite_column(column, kind, *(next(found) for _ in range(3)))
            selected.append(expression)
            fields.append(pa.field(column, stored))
        schema = pa.schema(fields)
        cursor = connection.execute(f"SELECT {', '.join(selected)} FROM {_q(name)}")
        return _written(_batches(cursor, schema), schema, table, copies)


def _sqlite_counts(column: str) -> str:
    """How many rows have a value, a whole number, another number."""
    name = _q(column)
    kinds = (f"count(*) FILTER (WHERE typeof({name}) = '{kind}')" for kind in ("integer", "real"))
    return f"count({name}), {', '.join(kinds)}"


def _sqlite_column(column: str, declared: str, filled: int, whole: int, real: int) -> tuple[str, pa.DataType]:
    """How a column is read, and as what.

    Args:
        column: its name.
        declared: its type as the table declares it, in capitals.
        filled: rows with a value.
        whole: rows with a whole number.
        real: rows with another number.
    """
    name = _q(column)
    if re.search("DATE|TIME", declared) and whole + real:
        form, seconds = "%Y-%m-%d %H:%M:%S", name
        if declared == "DATE":
            form = "%Y-%m-%d"
            seconds = f"CASE WHEN abs({name}) <= {DAYS_AT_MOST} THEN {name} * {DAY_SECONDS} ELSE {name} END"
        number = f"strftime('{form}', {seconds}, 'unixepoch')"
        return f"CASE WHEN typeof({name}) IN ('integer', 'real') THEN {number} ELSE {name} END", pa.string()
    if whole == filled and (filled or "INT" in declared):
        return name, pa.int64()
    if whole + real == filled and (filled or re.search("REAL|FLOA|DOUB", declared)):
        return f"CAST({name} AS REAL)", pa.float64()
    return f"CAST({name} AS TEXT)", pa.string()


@contextmanager
def _sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    """A SQLite file, opened for reading only."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", TIMEOUT_SECONDS, uri=True)) as connection:
            connection.text_factory = lambda text: text.decode("utf-8", "replace")
            yield connection
    except sqlite3.Error as error:
        raise CdmError(
            f"{path} cannot be read as a SQLite database ({type(error).__name__}): copy it again, or give this account "
            f"the right to read it."
        ) from None


def duckdb_tables(path: Path) -> list[tuple[str, str]]:
    """Schema and name of each table and view of a DuckDB file.

    Raises:
        CdmError: it cannot be read.
    """
    with _duckdb(path) as connection:
        return connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_catalog = current_database() ORDER BY ALL"
        ).fetchall()


def copied_duckdb(path: Path, schema: str, name: str, copies: Path) -> Sequence[Path]:
    """Copy a table of a DuckDB file, with the types that it has.

    Raises:
        CdmError: it cannot be read.
    """
    table = name.lower()
    known = {field.name for field in cdm_tables()[table].fields}
    copy = copies / f"{table}.parquet"
    with _duckdb(path) as connection:
        described = connection.execute(f"DESCRIBE {_q(schema)}.{_q(name)}").fetchall()
        wanted = [_q(column) for column, *_ in described if column.lower() in known]
        if not wanted:
            return _written((), pa.schema([]), table, copies)
        select = f"SELECT {', '.join(wanted)} FROM {_q(schema)}.{_q(name)}"
        connection.execute(f"COPY ({select}) TO {quoted(str(copy))} (FORMAT parquet, COMPRESSION lz4)")
    return (copy,)


@contextmanager
def _duckdb(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB file, opened for reading only."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "preserve_insertion_order": False,
    }
    try:
        with closing(duckdb.connect(path, read_only=True, config=config)) as connection:
            connection.execute("SET enable_progress_bar = false")
            yield connection
    except duckdb.Error as error:  # its words may quote values
        raise CdmError(
            f"{path} cannot be read as a DuckDB database ({type(error).__name__}): see that no other program writes to "
            f"it and that a DuckDB not newer than {duckdb.__version__} made it, or copy it again."
        ) from None


def _batches(cursor: sqlite3.Cursor, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a query, a batch at a time."""
    while rows := cursor.fetchmany(CHUNK_ROWS):
        columns = zip(*rows, strict=True)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _written(batches: Iterator[pa.RecordBatch] | Sequence[pa.RecordBatch], schema: pa.Schema, table: str,
             copies: Path) -> Sequence[Path]:  # fmt: skip
    copy = copies / f"{table}.parquet"
    with pq.ParquetWriter(copy, schema, compression="lz4") as writer:
        for batch in batches:
            writer.write_batch(batch)
    return (copy,)


def _q(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
