"""The Dagster IO managers: an asset returns Frames, the next one gets a StoredTable.

The file of an asset is named after its key: `omop/person` lies at omop/person.csv. These names are an interface.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from upath import UPath

from snds_omop_assets.engines.spark_engine import file_url, spark_said_plainly
from snds_omop_assets.io_managers import stored
from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.io_managers.folders import recover
from snds_omop_assets.io_managers.parts import PartsTable
from snds_omop_assets.steward import said_plainly
from snds_omop_assets.tables import Frames, StoredTable

KINDS: Mapping[str, Callable[[Path], StoredTable]] = {
    ".parquet": lambda path: PartsTable(path) if path.is_dir() else stored.ParquetTable(path),
    ".csv": stored.CsvTable,
    ".sqlite": lambda path: stored.SqliteTable(path, path.stem),
}
"""The table in a file, by the file's extension."""


class FileIOManager(dg.UPathIOManager):
    """One file per asset: written whole or not at all, with its row count and what the frames have to tell."""

    def __init__(self, root: Path, extension: str, write: Callable[[Frames, Path], int]) -> None:
        super().__init__(base_path=UPath(root))
        self.extension = extension
        self.write = write

    def dump_to_path(self, context: dg.OutputContext, obj: Frames, path: UPath) -> None:
        """Write an asset's frames to its file."""
        with said_plainly():
            rows = self.write(obj, Path(str(path)))
            context.add_output_metadata({"dagster/row_count": rows, **obj.metadata()})

    def load_from_path(self, context: dg.InputContext, path: UPath) -> StoredTable:
        """The asset's table.

        Raises:
            dagster.Failure: the asset has not been materialized; says what to run.
        """
        file = Path(str(path))
        if not file.exists():
            raise dg.Failure(
                f"{file.parent.name}/{file.stem} has not been materialized in this warehouse "
                f"(there is no {file.name}): materialize it first.",
                allow_retries=False,
            )
        return KINDS[file.suffix](file)


def parquet_io_manager(root: Path) -> FileIOManager:
    """One Parquet file per asset."""
    return FileIOManager(root, ".parquet", stored.write_parquet)


def csv_io_manager(root: Path) -> FileIOManager:
    """One CSV file per asset, written by pandas."""
    return FileIOManager(root, ".csv", stored.write_csv)


def sqlite_io_manager(
    root: Path, primary_keys: Mapping[str, str | None], views: Mapping[str, Sequence[str]]
) -> FileIOManager:
    """One SQLite file per asset, whose table has the asset's name; primary key and views by the table's name."""

    def write(frames: Frames, path: Path) -> int:
        return stored.write_sqlite(frames, path, path.stem, primary_keys.get(path.stem), views.get(path.stem, ()))

    return FileIOManager(root, ".sqlite", write)


class SparkParquetIOManager(FileIOManager):
    """One Parquet file per asset, written by Spark: for tables of a dimension's size, which fit one file."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, ".parquet", stored.write_parquet)

    def dump_to_path(self, context: dg.OutputContext, obj: Any, path: UPath) -> None:
        """Let Spark write a folder aside, then move its one file into place."""
        target = Path(str(path))
        folder = target.with_name(f".{target.name}.spark")
        shutil.rmtree(folder, ignore_errors=True)
        try:
            with said_plainly(), spark_said_plainly():
                obj.coalesce(1).write.parquet(file_url(folder))
            (part,) = folder.glob("part-*.parquet")
            with written_aside(target) as partial:
                part.replace(partial)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        context.add_output_metadata({"dagster/row_count": stored.ParquetTable(target).rows})


class PartsIOManager(dg.IOManager):
    """Hands the steps a table that lies in a folder of parts, all years; the asset itself stores."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Nothing to do: the asset has written the parts, each whole or not at all."""

    def load_input(self, context: dg.InputContext) -> StoredTable:
        """The table.

        Raises:
            dagster.Failure: the asset has not been materialized; says what to run.
        """
        folder = self.root.joinpath(*context.asset_key.path).with_suffix(".parquet")
        recover(folder)
        table = PartsTable(folder)
        if not table.files:
            raise dg.Failure(
                f"{context.asset_key.to_user_string()} has not been materialized in this warehouse (there is no "
                f"{folder.name}): materialize it first.",
                allow_retries=False,
            )
        return table
