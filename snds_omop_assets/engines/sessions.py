"""One door to DuckDB and Spark for SQL that both understand: give tables, run a SELECT per step, read the end.

The SQL of a model keeps to what both engines say in the same way (no dialect is translated), and a test holds
their answers equal. What they say differently is a function that each session defines:

    omop_id(prefix, field, ...)      the id of a row, of one to MAX_ID_FIELDS texts (engines/ids.py)
    days_between(first, last)        whole days from the one date to the other
    xxhash64(value, ...)             a number of 64 bits that finds rows that are alike, of one to MAX_ID_FIELDS values:
                                     Spark's own, and another one on DuckDB. So it is never stored and decides nothing
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from snds_omop_assets.engines.duckdb_engine import (
    define_omop_id,
    define_row_hash,
    define_view,
    duckdb_connection,
    one_row,
    parquet_rows,
    quoted,
)
from snds_omop_assets.engines.spark_engine import (
    SAME_AS_DUCKDB,
    file_pattern,
    file_url,
    functions_sql,
    hide,
    is_local,
    spark_said_plainly,
)
from snds_omop_assets.errors import EngineError
from snds_omop_assets.settings import DUCKDB
from snds_omop_assets.tables import StoredTable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SOME_ROWS = 1_000_000

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

SPARK_COMPRESSIONS: Mapping[str, str] = {"zstd": "zstd", "snappy": "snappy", "lz4": "lz4_raw"}
"""Compressions of Parquet in the words of DuckDB and of Spark, whose `lz4` is one that nobody else reads."""


CUT_BY = "cut_by"
"""What the column by which rows are cut is called in the names of Spark's folders."""

NO_NUMBER = "Rows cannot be cut by a column that is empty in some of them."


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
        """Write the rows of a SELECT as Parquet files into a new folder, cast to the columns of a schema.

        Returns:
            How many rows.
        """

    def write_by(
        self, column: str, sql: str, folder: Path, schema: pa.Schema, compression: str = "zstd", below: str = ""
    ) -> dict[int, int]:
        """Write the rows of a SELECT as Parquet files, cut by a whole number: into `<folder>/<number>/<below>/`.

        Args:
            column: the number, a column of the SELECT; it is in the files only if it is in the schema.
            sql: the SELECT; it should be cheap to read, for an engine may read it once per number.
            folder: may be there, but no folder `<number>/<below>` that gets rows.
            schema: columns of the files, to which they are cast.
            compression: of the files.
            below: name of the last folder; none without it.

        Returns:
            How many rows, by number. Where there are no rows there is no folder.

        Raises:
            EngineError: a row has no number.
        """

    def step(self, name: str, sql: str) -> None:
        """Compute a SELECT once; later steps read it by this name."""

    def result(self, sql: str) -> pa.Table:
        """The rows of a SELECT, in memory: for small tables."""


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
            self.view(name, f"SELECT {_cast(schema, set())} WHERE FALSE")
            return
        rows = parquet_rows(files)
        there = {row[0] for row in self.connection.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()}
        self.view(name, f"SELECT {_cast(schema, there)} FROM {rows}")

    def view(self, name: str, sql: str) -> None:
        """See `Session`."""
        self.connection.execute(f'CREATE OR REPLACE TEMP VIEW "{name}" AS {sql}')

    def drop(self, *names: str) -> None:
        """See `Session`."""
        for name in names:
            kinds = self.connection.execute(
                "SELECT table_type FROM information_schema.tables WHERE table_name = ?", [name]
            )
            for (kind,) in kinds.fetchall():
                self.connection.execute(f'DROP {"VIEW" if kind == "VIEW" else "TABLE"} "{name}"')

    def write(self, sql: str, folder: Path, schema: pa.Schema, compression: str = "zstd") -> int:
        """See `Session`."""
        folder.mkdir(parents=True)
        target = quoted(str(folder / "part-0.parquet"))
        columns, nulls = _cast(schema, set(schema.names)), _cast(schema, set())
        # A column without a NULL would become one that cannot have any, and files of one table would have several
        # schemas. What DuckDB cannot foresee (random() is below 1) keeps it from that.
        select = f"SELECT {columns} FROM ({sql}) UNION ALL SELECT {nulls} FROM range(1) WHERE random() > 1"
        (rows,) = one_row(self.connection, f"COPY ({select}) TO {target} (FORMAT parquet, COMPRESSION {compression})")
        return int(rows)

    def write_by(
        self, column: str, sql: str, folder: Path, schema: pa.Schema, compression: str = "zstd", below: str = ""
    ) -> dict[int, int]:
        """See `Session`.

        Reads the rows once per number: DuckDB's own cut of a COPY takes longer, for it copies all columns (measured:
        a quarter more of the time that a year of flow takes).
        """
        numbers = self.connection.execute(f"SELECT DISTINCT CAST({column} AS INT) FROM ({sql}) ORDER BY ALL").fetchall()
        if (None,) in numbers:
            raise EngineError(NO_NUMBER)
        return {
            number: self.write(
                f"SELECT * FROM ({sql}) WHERE {column} = {number}", folder / str(number) / below, schema, compression
            )
            for (number,) in numbers
        }

    def result(self, sql: str) -> pa.Table:
        """See `Session`."""
        return self.connection.sql(sql).to_arrow_reader(SOME_ROWS).read_all()


class SparkSessionOfModels:
    """Spark as a `Session`.

    Each step is computed once, and cut off from those before: their plans would pile up.

    Args:
        spark: whose context runs the steps; names and settings of this session stay its own.
        id_key: key of `omop_id`; without one the function is not there.
        folder: where steps are kept, on a file system that all nodes see, so that a step outlives the executor that
            computed it. None keeps them with the executors: that is faster, and safe where none can be lost.
    """

    divides = True

    def __init__(self, spark: "SparkSession", id_key: str | None = None, folder: Path | None = None) -> None:
        self.spark = spark.newSession()
        self.folder = folder
        self._kept: dict[str, DataFrame | Path] = {}
        for name, value in SAME_AS_DUCKDB.items():
            self.spark.conf.set(name, value)
        if id_key is not None:
            hide(self.spark, id_key)
        for statement in functions_sql(id_key):
            self.spark.sql(statement)

    def give(self, name: str, table: pa.Table | StoredTable) -> None:
        """See `Session`."""
        if isinstance(table, pa.Table):
            self.spark.createDataFrame(table).createOrReplaceTempView(name)
        elif all(file.suffix == ".parquet" for file in table.files):
            self.give_files(name, table.files, table.schema)
        else:
            self.give(name, pa.Table.from_batches(table.batches(), table.schema))

    def give_files(self, name: str, files: Sequence[Path], schema: pa.Schema) -> None:
        """See `Session`."""
        if not files:
            self.view(name, f"SELECT {_cast(schema, set())} WHERE FALSE")
            return
        alike: dict[pa.Schema, list[Path]] = {}
        for file in files:
            alike.setdefault(pq.read_schema(file).remove_metadata(), []).append(file)
        frames = [
            self._parquet(some, found).selectExpr(*_columns(schema, set(found.names))) for found, some in alike.items()
        ]
        reduce(lambda one, other: one.unionAll(other), frames).createOrReplaceTempView(name)

    def view(self, name: str, sql: str) -> None:
        """See `Session`."""
        self.spark.sql(f"CREATE OR REPLACE TEMP VIEW `{name}` AS {sql}")

    def step(self, name: str, sql: str) -> None:
        """See `Session`."""
        frame = self.spark.sql(sql)
        if self.folder is None:
            kept = frame.coalesce(int(self.spark.conf.get("spark.sql.shuffle.partitions"))).localCheckpoint()
            self._keep(name, kept)
        else:
            place = self.folder / uuid4().hex
            frame.write.option("compression", "lz4_raw").parquet(file_url(place))
            kept = self.spark.read.schema(frame.schema).parquet(file_pattern(place))
            self._keep(name, place)
        kept.createOrReplaceTempView(name)

    def drop(self, *names: str) -> None:
        """See `Session`."""
        for name in names:
            self.spark.catalog.dropTempView(name)
            self._keep(name, None)

    def write(self, sql: str, folder: Path, schema: pa.Schema, compression: str = "zstd") -> int:
        """See `Session`."""
        folder.mkdir(parents=True)
        # Spark makes few files of many small pieces, and several of a large one.
        frame = self.spark.sql(f"SELECT /*+ REBALANCE */ {_nullable(schema)} FROM ({_unforeseen(sql)})")
        frame.write.mode("append").option("compression", SPARK_COMPRESSIONS[compression]).parquet(file_url(folder))
        return _tidy(folder)

    def write_by(
        self, column: str, sql: str, folder: Path, schema: pa.Schema, compression: str = "zstd", below: str = ""
    ) -> dict[int, int]:
        """See `Session`."""
        columns = f"{_nullable(schema)}, CAST({column} AS INT) AS {CUT_BY}"
        frame = self.spark.sql(f"SELECT /*+ REBALANCE({CUT_BY}) */ * FROM (SELECT {columns} FROM ({_unforeseen(sql)}))")
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f".{uuid4().hex}"  # in the folder, so that it can be moved; not read
        try:
            writer = frame.write.partitionBy(CUT_BY).option("compression", SPARK_COMPRESSIONS[compression])
            writer.parquet(file_url(aside))
            return _place(aside, folder, below)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def result(self, sql: str) -> pa.Table:
        """See `Session`."""
        found: pa.Table = self.spark.sql(sql).toArrow()
        return found

    def close(self) -> None:
        """Free what the steps hold."""
        self.drop(*self._kept)
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _parquet(self, files: Sequence[Path], schema: pa.Schema) -> "DataFrame":
        """Files that have exactly these columns; Spark does not look into them to know."""
        from pyspark.sql.pandas.types import from_arrow_schema

        columns = from_arrow_schema(schema, prefer_timestamp_ntz=True)
        return self.spark.read.schema(columns).parquet(*map(file_pattern, files))

    def _keep(self, name: str, kept: "DataFrame | Path | None") -> None:
        """Remember what holds a step, and free what held the one of this name before."""
        before = self._kept.pop(name, None)
        if isinstance(before, Path):
            shutil.rmtree(before, ignore_errors=True)
        elif before is not None:
            before._jdf.queryExecution().analyzed().rdd().unpersist(False)  # of a checkpoint, which Python cannot free
        if kept is not None:
            self._kept[name] = kept


@contextmanager
def session_of(
    engine: str,
    spark: "Callable[[], SparkSession] | None",
    spill: Path,
    id_key: str,
    memory: str | None = None,
) -> Iterator[Session]:
    """A `Session` of the engine that the settings choose.

    Args:
        engine: settings.engine.
        spark: starts Spark, or gives the session that there is (`started` of spark_engine.py); called only for Spark.
        spill: folder for what does not fit into memory; with a cluster, one that all its nodes see.
        id_key: key of `omop_id`.
        memory: settings.memory; Spark has got it when it started.

    Raises:
        EngineError: Spark is wanted and does not start, or the engine failed.
    """
    if engine == DUCKDB:
        with duckdb_session(spill, id_key, memory) as session:
            yield session
        return
    if spark is None:
        raise EngineError("SNDS_ENGINE is spark, and this step has no Spark: take duckdb for it.")
    running = spark()
    with spark_said_plainly():
        local = is_local(running.conf.get("spark.master", ""))
        folder = None if local else spill / f"spark-{uuid4().hex}"
        kept = SparkSessionOfModels(running, id_key, folder)
        try:
            yield kept
        finally:
            kept.close()


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
        connection.execute("CREATE MACRO days_between(first, last) AS CAST(last - first AS INTEGER)")
        define_row_hash(connection)
        if id_key is not None:
            define_omop_id(connection, id_key)
        yield DuckDBSession(connection)


def _place(aside: Path, folder: Path, below: str) -> dict[int, int]:
    """Move what Spark has cut to where it belongs; gives the rows by number.

    Raises:
        EngineError: some rows have no number.
    """
    cut = {found.name.removeprefix(f"{CUT_BY}="): found for found in aside.glob(f"{CUT_BY}=*")}
    if any(not number.removeprefix("-").isdecimal() for number in cut):
        raise EngineError(NO_NUMBER)
    rows: dict[int, int] = {}
    for number, found in sorted(cut.items()):
        rows[int(number)] = _tidy(found)
        place = folder / number / below
        place.parent.mkdir(exist_ok=True)
        found.rename(place)
    return rows


def _tidy(folder: Path) -> int:
    """Name the files of a folder part-0.parquet, ..., and leave nothing beside them; gives their rows."""
    rows = 0
    for place, file in enumerate(sorted(folder.glob("[!._]*.parquet"))):
        part = file.rename(folder / f"part-{place}.parquet")
        rows += int(pq.read_metadata(part).num_rows)
    for beside in [*folder.glob("_*"), *folder.glob(".*")]:  # marks of success and checksums
        beside.unlink()
    return rows


def _nullable(schema: pa.Schema) -> str:
    """The columns of a schema out of `_unforeseen`: as in DuckDB, every column of a file may have NULLs."""
    return ", ".join(
        f"CASE WHEN never > 1 THEN NULL ELSE CAST({f.name} AS {SQL_TYPES[f.type]}) END AS {f.name}" for f in schema
    )


def _unforeseen(sql: str) -> str:
    """The rows of a SELECT with a number that is below 1, which Spark does not know (it would foresee a filter)."""
    return f"SELECT *, random(0) AS never FROM ({sql})"


def _cast(schema: pa.Schema, there: set[str]) -> str:
    """The columns of a schema for a SELECT; those that are not there are NULL."""
    return ", ".join(_columns(schema, there))


def _columns(schema: pa.Schema, there: set[str]) -> list[str]:
    return [f"CAST({f.name if f.name in there else 'NULL'} AS {SQL_TYPES[f.type]}) AS {f.name}" for f in schema]
