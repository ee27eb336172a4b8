"""Spark as a session of models."""

import shutil
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from snds_omop_assets.engines.sessions import SQL_TYPES, cast_to, columns_of, make_empty
from snds_omop_assets.engines.spark_connect import end_session, is_remote, retry_for_a_minute
from snds_omop_assets.engines.spark_engine import SAME_AS_DUCKDB, file_pattern, file_url, functions_sql, hide
from snds_omop_assets.tables import StoredTable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SPARK_COMPRESSIONS: Mapping[str, str] = {"zstd": "zstd", "snappy": "snappy", "lz4": "lz4_raw"}
"""Compressions of Parquet in the words of DuckDB and of Spark, whose `lz4` is one that nobody else reads."""


class SparkSessionOfModels:
    """Spark as a `Session`.

    Each step is computed once, and cut off from those before: their plans would pile up.

    Args:
        spark: whose context runs the steps; names and settings of this session stay its own.
        id_key: key of `omop_id`; without one the function is not there.
        folder: where steps are kept, on a file system that all nodes see, so that a step outlives the executor that
            computed it. None keeps them with the executors: that is faster, and safe where none can be lost; a session
            of Spark Connect needs a folder.
    """

    divides = True

    def __init__(self, spark: "SparkSession", id_key: str | None = None, folder: Path | None = None) -> None:
        self.spark = spark.newSession()
        if is_remote(self.spark):
            retry_for_a_minute(self.spark)
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
        if isinstance(table, pa.Table) and not table.num_rows:  # of no rows, a server cannot tell the types
            self.give_files(name, [], table.schema)
        elif isinstance(table, pa.Table):
            self.spark.createDataFrame(table).createOrReplaceTempView(name)
        elif all(file.suffix == ".parquet" for file in table.files):
            self.give_files(name, table.files, table.schema)
        else:
            self.give(name, pa.Table.from_batches(table.batches(), table.schema))

    def give_files(self, name: str, files: Sequence[Path], schema: pa.Schema) -> None:
        """See `Session`."""
        if not files:
            self.view(name, f"SELECT {cast_to(schema, set())} WHERE FALSE")
            return
        alike: dict[pa.Schema, list[Path]] = {}
        for file in files:
            alike.setdefault(pq.read_schema(file).remove_metadata(), []).append(file)
        frames = [
            self._parquet(some, found).selectExpr(*columns_of(schema, set(found.names)))
            for found, some in alike.items()
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
        make_empty(folder)
        # Spark makes few files of many small pieces, and several of a large one.
        frame = self.spark.sql(f"SELECT /*+ REBALANCE */ {_nullable(schema)} FROM ({_unforeseen(sql)})")
        frame.write.mode("append").option("compression", SPARK_COMPRESSIONS[compression]).parquet(file_url(folder))
        return _tidy(folder)

    def result(self, sql: str) -> pa.Table:
        """See `Session`."""
        found: pa.Table = self.spark.sql(sql).toArrow()
        return found

    def close(self) -> None:
        """Free what the steps hold."""
        if is_remote(self.spark):
            end_session(self.spark)
        else:
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
