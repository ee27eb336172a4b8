"""Two engines in lockstep: every step runs on DuckDB and on Spark, and their rows must be the same."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.tables import StoredTable


class Differ(AssertionError):
    """The engines do not say the same; tells where, never a value."""


def same_rows(duckdb_table: pa.Table, spark_table: pa.Table, name: str = "the table") -> None:
    """See that two tables have the same columns and the same rows, in whatever order; numbers to the last bit.

    Whole numbers may be of different widths: an engine counts as it likes, and what is written is cast.

    Raises:
        Differ: they are not; tells the first columns that differ, and in how many rows.
    """
    if duckdb_table.schema.names != spark_table.schema.names:
        raise Differ(f"{name}: columns {duckdb_table.schema.names} on DuckDB, {spark_table.schema.names} on Spark")
    ours, theirs = _plain(duckdb_table), _plain(spark_table)
    if kinds := [
        f"{one.name} ({one.type}, {other.type})"
        for one, other in zip(ours.schema, theirs.schema, strict=True)
        if one.type != other.type and not (pa.types.is_null(one.type) or pa.types.is_null(other.type))
    ]:
        raise Differ(f"{name}: types of {', '.join(kinds)} differ")
    if ours.num_rows != theirs.num_rows:
        raise Differ(f"{name}: {ours.num_rows} rows on DuckDB, {theirs.num_rows} on Spark")
    if not ours.num_columns or _sorted(ours).equals(_sorted(theirs)):
        return
    alone = [column for column in ours.schema.names if not _same_values(ours[column], theirs[column])]
    if alone:
        raise Differ(f"{name}: values of {', '.join(alone)} differ among {ours.num_rows} rows")
    raise Differ(f"{name}: each column has the same values, but other rows have them, among {ours.num_rows} rows")


def _plain(table: pa.Table) -> pa.Table:
    """With the types that differ without a difference made one: widths of whole numbers and texts, decimals."""
    columns = []
    for column in table.columns:
        kind = column.type
        if pa.types.is_integer(kind):
            kind = pa.int64()
        elif pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            kind = pa.string()
        elif pa.types.is_decimal(kind):  # DuckDB sums whole numbers to more digits than Spark
            kind = pa.decimal128(38, kind.scale) if kind.scale else pa.int64()
        columns.append(column.cast(kind))
    return pa.Table.from_arrays(columns, names=table.schema.names)


def _sorted(table: pa.Table) -> pa.Table:
    keys = [(f"c{place}", "ascending") for place in range(table.num_columns)]
    renamed = table.rename_columns([key for key, _ in keys])
    return renamed.take(pc.sort_indices(renamed, sort_keys=keys)).combine_chunks()


def _same_values(one: pa.ChunkedArray, other: pa.ChunkedArray) -> bool:
    return bool(_sorted(pa.table({"c": one})).equals(_sorted(pa.table({"c": other}))))


class RecordingSession:
    """Two sessions as one: both are told the same, and each step and file is compared when it is made.

    Attributes:
        compared: names of the steps, results and written folders that were the same, in order.
        differences: what was not the same or failed on Spark, if `fail_late`.

    Args:
        duckdb: whose rows count.
        spark: whose rows must be the same.
        beside: where Spark writes what it writes; DuckDB writes where it is told.
        fail_late: note what differs and go on, Spark with the rows of DuckDB.
    """

    divides = False
    """Both take the parts that DuckDB needs."""

    def __init__(self, duckdb: Session, spark: Session, beside: Path, fail_late: bool = False) -> None:
        self.duckdb, self.spark, self.beside, self.fail_late = duckdb, spark, beside, fail_late
        self.compared: list[str] = []
        self.differences: list[str] = []
        self._folders = 0

    def give(self, name: str, table: pa.Table | StoredTable) -> None:
        """See `Session`."""
        for session in (self.duckdb, self.spark):
            session.give(name, table)

    def give_files(self, name: str, files: Sequence[Path], schema: pa.Schema) -> None:
        """See `Session`."""
        for session in (self.duckdb, self.spark):
            session.give_files(name, files, schema)

    def view(self, name: str, sql: str) -> None:
        """See `Session`."""
        self.duckdb.view(name, sql)
        if not self._same(name, lambda: self.spark.view(name, sql)):
            self.spark.give(name, self.duckdb.result(f"SELECT * FROM {name}"))

    def step(self, name: str, sql: str) -> None:
        """See `Session`."""
        every = f"SELECT * FROM {name}"

        def compare() -> None:
            self.spark.step(name, sql)
            same_rows(self.duckdb.result(every), self.spark.result(every), name)
            self.compared.append(name)

        self.duckdb.step(name, sql)
        if not self._same(name, compare):
            self.spark.drop(name)
            self.spark.give(name, self.duckdb.result(every))

    def drop(self, *names: str) -> None:
        """See `Session`."""
        for session in (self.duckdb, self.spark):
            session.drop(*names)

    def write(self, sql: str, folder: Path, schema: pa.Schema, compression: str = "zstd") -> int:
        """See `Session`."""
        self._folders += 1
        other = self.beside / str(self._folders) / folder.name
        name = f"folder {folder.name}"

        def compare() -> None:
            if (found := self.spark.write(sql, other, schema, compression)) != rows:
                raise Differ(f"{name}: {rows} rows on DuckDB, {found} on Spark")
            same_rows(_in_folder(folder, schema), _in_folder(other, schema), name)
            self.compared.append(name)

        rows = self.duckdb.write(sql, folder, schema, compression)
        self._same(name, compare)
        return rows

    def result(self, sql: str) -> pa.Table:
        """See `Session`."""

        def compare() -> None:
            same_rows(found, self.spark.result(sql), "result")
            self.compared.append("result")

        found = self.duckdb.result(sql)
        self._same("result", compare)
        return found

    def _same(self, name: str, compare: Callable[[], None]) -> bool:
        """Whether Spark said the same.

        Raises:
            Exception: it did not, and it is not `fail_late`.
        """
        try:
            compare()
        except Exception as error:
            if not self.fail_late:
                error.add_note(f"Spark failed in {name}, after {len(self.compared)} steps that were the same.")
                raise
            self.differences.append(str(error) if isinstance(error, Differ) else f"{name}: {error}")
            return False
        return True


def _in_folder(folder: Path, schema: pa.Schema) -> pa.Table:
    """The rows of the files of a folder, which must have these columns."""
    tables = [pq.read_table(file) for file in sorted(folder.iterdir())]
    if different := [table.schema for table in tables if not table.schema.equals(schema)]:
        raise Differ(f"a file of {folder.name} has the columns {different[0].remove_metadata()}")
    return pa.concat_tables(tables).replace_schema_metadata()
