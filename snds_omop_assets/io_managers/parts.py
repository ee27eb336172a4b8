"""A table in a folder of Parquet files: one sub-folder per year, or files of one writing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from snds_omop_assets.io_managers.stored import ParquetTable


@dataclass(frozen=True)
class PartsTable:
    """A table in a folder: `visit_occurrence.parquet/2018/part-0.parquet`; what begins with a dot does not count."""

    path: Path

    kept_as_text = frozenset[pa.DataType]()

    @property
    def files(self) -> tuple[Path, ...]:
        """The Parquet files, in order."""
        return tuple(sorted(file for file in self.path.rglob("*.parquet") if not self._hidden(file)))

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return pq.read_schema(self.files[0]).remove_metadata()

    @property
    def rows(self) -> int:
        """How many rows the files hold."""
        return sum(ParquetTable(file).rows for file in self.files)

    def part(self, name: str) -> "PartsTable":
        """One sub-folder as a table."""
        return PartsTable(self.path / name)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows, a batch at a time."""
        for file in self.files:
            yield from ParquetTable(file).batches(columns)

    def _hidden(self, file: Path) -> bool:
        return any(part.startswith((".", "_")) for part in file.relative_to(self.path).parts)
