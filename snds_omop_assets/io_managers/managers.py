"""The Dagster IO managers: an asset returns Frames, the next one gets a StoredTable.

The file of an asset is named after its key: `omop/person` lies at omop/person.csv. These names are an interface.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from upath import UPath

from snds_omop_assets.io_managers import stored
from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.steward import said_plainly
from snds_omop_assets.tables import Frames, StoredTable


class FramesIOManager(dg.UPathIOManager):
    """Common to all: turn errors into one sentence, add the row count and what the frames have to tell."""

    def __init__(self, root: Path) -> None:
        super().__init__(base_path=UPath(root))

    def write(self, frames: Frames, path: Path) -> int:
        """Write the rows and return how many there were."""
        raise NotImplementedError

    def dump_to_path(self, context: dg.OutputContext, obj: Any, path: UPath) -> None:
        """Write an asset's frames to its file."""
        with said_plainly():
            rows = self.write(obj, Path(str(path)))
            context.add_output_metadata({"dagster/row_count": rows, **obj.metadata()})


class ParquetIOManager(FramesIOManager):
    """One Parquet file per asset."""

    extension = ".parquet"

    def write(self, frames: Frames, path: Path) -> int:
        """Write one Parquet file."""
        return stored.write_parquet(frames, path)

    def load_from_path(self, context: dg.InputContext, path: UPath) -> StoredTable:
        """The asset's file as a table."""
        return stored.ParquetTable(_existing(path))


class CsvIOManager(FramesIOManager):
    """One CSV file per asset, written by pandas."""

    extension = ".csv"

    def write(self, frames: Frames, path: Path) -> int:
        """Write one CSV file."""
        return stored.write_csv(frames, path)

    def load_from_path(self, context: dg.InputContext, path: UPath) -> StoredTable:
        """The asset's file as a table."""
        return stored.CsvTable(_existing(path))


class SqliteIOManager(FramesIOManager):
    """One SQLite file per asset, whose table has the asset's name; `views` are added by table name."""

    extension = ".sqlite"

    def __init__(self, root: Path, views: Mapping[str, Sequence[str]], primary_keys: Mapping[str, str | None]) -> None:
        super().__init__(root)
        self.views = views
        self.primary_keys = primary_keys

    def write(self, frames: Frames, path: Path) -> int:
        """Write one SQLite file."""
        table = path.stem
        return stored.write_sqlite(frames, path, table, self.primary_keys.get(table), self.views.get(table, ()))

    def load_from_path(self, context: dg.InputContext, path: UPath) -> StoredTable:
        """The asset's table."""
        return stored.SqliteTable(_existing(path), path.stem)


class SparkParquetIOManager(dg.UPathIOManager):
    """One Parquet file per asset, written by Spark: for tables of a dimension's size, which fit one file."""

    extension = ".parquet"

    def __init__(self, root: Path) -> None:
        super().__init__(base_path=UPath(root))

    def dump_to_path(self, context: dg.OutputContext, obj: Any, path: UPath) -> None:
        """Let Spark write a folder aside, then move its one file into place."""
        target = Path(str(path))
        folder = target.with_name(f".{target.name}.spark")
        shutil.rmtree(folder, ignore_errors=True)
        try:
            obj.coalesce(1).write.parquet(str(folder))
            (part,) = folder.glob("part-*.parquet")
            with written_aside(target) as partial:
                part.replace(partial)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        context.add_output_metadata({"dagster/row_count": stored.ParquetTable(target).rows})

    def load_from_path(self, context: dg.InputContext, path: UPath) -> StoredTable:
        """The asset's file as a table."""
        return stored.ParquetTable(_existing(path))


class IfThereIOManager(dg.IOManager):
    """Loads what a step can do without: the asset's table, or None where it has not been materialized.

    Dagster takes only a full IO manager as a ready-made resource; this one is for inputs and stores nothing.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Refuse: no asset names this manager for its output."""
        raise NotImplementedError(f"{context.asset_key.to_user_string()} must name another IO manager")

    def load_input(self, context: dg.InputContext) -> StoredTable | None:
        """The table in the file of whichever kind is there."""
        path = self.root.joinpath(*context.asset_key.path)
        kinds: Mapping[str, Callable[[Path], StoredTable]] = {
            ".parquet": stored.ParquetTable,
            ".csv": stored.CsvTable,
            ".sqlite": lambda file: stored.SqliteTable(file, file.stem),
        }
        found = (table(path.with_suffix(suffix)) for suffix, table in kinds.items())
        return next((table for table in found if table.path.exists()), None)


def _existing(path: UPath) -> Path:
    """The path, if the asset has been materialized.

    Raises:
        dagster.Failure: there is no file; says what to run.
    """
    file = Path(str(path))
    if not file.exists():
        asset = f"{file.parent.name}/{file.stem}"
        raise dg.Failure(
            f"{asset} has not been materialized in this warehouse (there is no {file.name}): materialize it first.",
            allow_retries=False,
        )
    return file
