"""Tables at rest in Parquet, CSV and SQLite files: how each is written and read, without Dagster."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from snds_omop_assets.engines.sqlite_engine import TIMEOUT_SECONDS, create_table, insert_batches
from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.tables import CHUNK_ROWS, PANDAS_DTYPES, Frames


@dataclass(frozen=True)
class ParquetTable:
    """A table in one Parquet file."""

    path: Path

    kept_as_text = frozenset[pa.DataType]()

    @property
    def files(self) -> tuple[Path, ...]:
        """The one file."""
        return (self.path,)

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return pq.read_schema(self.path).remove_metadata()

    @property
    def rows(self) -> int:
        """How many rows the file holds."""
        return int(pq.read_metadata(self.path).num_rows)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows, a batch at a time."""
        with pq.ParquetFile(self.path) as file:
            yield from file.iter_batches(CHUNK_ROWS, columns=None if columns is None else list(columns))


@dataclass(frozen=True)
class CsvTable:
    """A table in a CSV file: comma, UTF-8, a header; an absent value is an empty field. All columns are text."""

    path: Path

    kept_as_text = frozenset(PANDAS_DTYPES)

    @property
    def files(self) -> tuple[Path, ...]:
        """The one file."""
        return (self.path,)

    @property
    def schema(self) -> pa.Schema:
        """Names of the columns; the type is always text."""
        with self.path.open("rb") as file:
            header = file.readline().decode("utf-8").rstrip("\r\n").split(",")
        return pa.schema([pa.field(name, pa.string()) for name in header])

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows as text, a batch at a time."""
        schema = self.schema
        options = pyarrow.csv.ConvertOptions(
            column_types=schema,
            include_columns=list(columns or schema.names),
            strings_can_be_null=True,
            null_values=[""],
        )
        with pyarrow.csv.open_csv(self.path, convert_options=options) as reader:
            yield from reader


@dataclass(frozen=True)
class SqliteTable:
    """A table in a SQLite file."""

    path: Path
    table: str

    kept_as_text = frozenset({pa.date32(), pa.timestamp("us")})

    @property
    def files(self) -> tuple[Path, ...]:
        """The one file."""
        return (self.path,)

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns, as the table declares them."""
        kinds = {"INTEGER": pa.int64(), "REAL": pa.float64()}
        with closing(sqlite3.connect(self.path, timeout=TIMEOUT_SECONDS)) as connection:
            columns = connection.execute("SELECT name, type FROM pragma_table_info(?)", [self.table]).fetchall()
        return pa.schema([pa.field(name, kinds.get(kind.upper(), pa.string())) for name, kind in columns])

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows, a batch at a time."""
        schema = self.schema
        wanted = pa.schema([schema.field(name) for name in columns or schema.names])
        names = ", ".join(f'"{name}"' for name in wanted.names)
        # DuckDB pulls the batches from a thread of its own, one at a time.
        with closing(sqlite3.connect(self.path, timeout=TIMEOUT_SECONDS, check_same_thread=False)) as connection:
            cursor = connection.execute(f'SELECT {names} FROM "{self.table}"')
            while rows := cursor.fetchmany(CHUNK_ROWS):
                yield pa.RecordBatch.from_pylist([dict(zip(wanted.names, row, strict=True)) for row in rows], wanted)


def write_parquet(frames: Frames, path: Path) -> int:
    """Write a table to one Parquet file; returns its rows."""
    rows = 0
    with written_aside(path) as partial, pq.ParquetWriter(partial, frames.schema, compression="zstd") as writer:
        for batch in frames.batches():
            writer.write_batch(batch)
            rows += batch.num_rows
    frames.when_stored(path)
    return rows


def write_csv(frames: Frames, path: Path) -> int:
    """Write a table to one CSV file (see CsvTable) with pandas; returns its rows."""
    rows = 0
    times = [field.name for field in frames.schema if pa.types.is_timestamp(field.type)]
    with written_aside(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(frames.schema.names) + "\n")
        for frame in frames.frames:
            # pandas leaves the hour out where a frame has midnights only: the text would depend on the frames.
            told = frame.assign(**{name: frame[name].dt.strftime("%Y-%m-%d %H:%M:%S") for name in times})
            told.to_csv(file, index=False, header=False, columns=frames.schema.names, lineterminator="\n")
            rows += len(frame)
    frames.when_stored(path)
    return rows


def write_sqlite(
    frames: Frames, path: Path, table: str, primary_key: str | None = None, views: Sequence[str] = ()
) -> int:
    """Write a table to a SQLite file of its own; returns its rows.

    Args:
        frames: the rows.
        path: the file, replaced as a whole.
        table: name of the table.
        primary_key: column that SQLite holds unique.
        views: CREATE VIEW statements to run once the table is filled.
    """
    with (
        written_aside(path) as partial,
        closing(sqlite3.connect(partial, timeout=TIMEOUT_SECONDS)) as connection,
        connection,
    ):
        create_table(connection, table, frames.schema, f'PRIMARY KEY ("{primary_key}")' if primary_key else "")
        rows = insert_batches(connection, table, frames.batches())
        for view in views:
            connection.execute(view)
    frames.when_stored(path)
    return rows
