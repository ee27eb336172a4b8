"""Writing a version of the vocabulary: beside the one that counts, under a hidden name, until it is whole.

What makes a version count is `current.json`, one file that is written aside and renamed: whenever a run is killed, it
names a whole version. What a killed run left is removed by the next one. Of the versions before, the last download is
kept, for the comparison of an upgrade.
"""

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.errors import StoreError
from snds_omop_assets.io_managers.aside import PARTIAL, written_aside
from snds_omop_assets.reception.store import writing
from snds_omop_assets.vocabulary.loaded import (
    CURRENT,
    FOLDER,
    FORMAT,
    MANIFEST,
    Current,
    LoadedVocabulary,
    read_current,
    vocabulary_of,
)

ASIDE = f".version{PARTIAL}"
VERSION_FOLDER = re.compile(r"[0-9a-f]{16}")
ROW_GROUP = 250_000


def folder_name(*content: str) -> str:
    """The name of the folder of a version, from what it is made of."""
    return hashlib.sha256("\n".join([str(FORMAT), *content]).encode()).hexdigest()[:16]


class Versions:
    """The versions of the vocabulary in a warehouse."""

    def __init__(self, warehouse: Path) -> None:
        self.warehouse = warehouse
        self.folder = warehouse / FOLDER

    def current(self) -> Current | None:
        """What `current.json` says; None where it is not there or cannot be understood: it will be written anew."""
        with suppress(StoreError):
            return read_current(self.warehouse)
        return None

    def whole(self, name: str | None) -> LoadedVocabulary | None:
        """The version of this name; None where it is not there or not whole."""
        if name is not None:
            with suppress(StoreError):
                return vocabulary_of(self.folder / name)
        return None

    @contextmanager
    def aside(self) -> Iterator[Path]:
        """Give an empty hidden folder for a new version, which is removed at the end if it is still there."""
        aside = self.folder / ASIDE
        self._clean()
        aside.mkdir()
        try:
            yield aside
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def put(self, aside: Path, loaded: LoadedVocabulary) -> None:
        """Give a written version its name; it does not count yet."""
        (aside / MANIFEST).write_text(loaded.to_json(), encoding="utf-8")
        shutil.rmtree(loaded.folder, ignore_errors=True)  # a version that is not whole, or there would be no need
        aside.rename(loaded.folder)

    def count(self, name: str, source: str, signature: str) -> LoadedVocabulary:
        """Make the version of this name count, and remove those that are not needed any more."""
        before = self.current()
        previous = None
        if before is not None:
            counted = self.whole(before.folder)
            candidates = (before.folder if counted is not None and counted.from_download else None, before.previous)
            previous = next((other for other in candidates if other not in (None, name)), None)
        signatures = {**(before.signatures if before is not None else {}), name: signature}
        kept = {key: value for key, value in signatures.items() if key in (name, previous)}
        with written_aside(self.folder / CURRENT) as partial:
            partial.write_text(Current(name, previous, source, kept).to_json(), encoding="utf-8")
        self._clean()
        return vocabulary_of(self.folder / name)

    def clean(self) -> None:
        """Remove what a killed run left, if there is any and nobody is writing."""
        if self._leftovers():
            with suppress(StoreError), writing(self.folder):
                self._clean()

    def _clean(self) -> None:
        for left in self._leftovers():
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)

    def _leftovers(self) -> list[Path]:
        """What a run wrote aside, and versions that nothing names; other files of the folder are not ours."""
        current = self.current()
        partial = [left for left in (self.folder / ASIDE, self.folder / f".{CURRENT}{PARTIAL}") if left.exists()]
        if current is None and (self.folder / CURRENT).exists():
            return partial  # who knows what the versions are good for
        named = () if current is None else (current.folder, current.previous)
        folders = [path for path in self.folder.glob("*") if VERSION_FOLDER.fullmatch(path.name) and path.is_dir()]
        return [*partial, *(path for path in folders if path.name not in named)]


class TableWriter:
    """Writes the rows of one table of a version; made by `table_writer`.

    Attributes:
        rows: how many were written.
    """

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self.rows = 0
        self._writer = writer

    def write(self, rows: pa.Table) -> None:
        """Add rows."""
        self._writer.write_table(rows, row_group_size=ROW_GROUP)
        self.rows += rows.num_rows


@contextmanager
def table_writer(folder: Path, table: str) -> Iterator[TableWriter]:
    """Give a writer for the Parquet file of a table, with the columns of the CDM."""
    # Without Arrow's own schema the file says nothing of how its writer held the texts.
    schema = cdm_tables()[table].schema
    writer = pq.ParquetWriter(folder / f"{table}.parquet", schema, compression="zstd", store_schema=False)
    try:
        yield TableWriter(writer)
    except BaseException:
        with suppress(OSError, pa.ArrowException):  # closing may fail as well: the disk may be full
            writer.close()
        writer.is_open = False  # or it would close itself later, and complain
        raise
    writer.close()
