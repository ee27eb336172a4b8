"""The two states of a table: in motion (`Frames`) and at rest (`StoredTable`).

No step holds a whole table: a table moves as a sequence of pandas frames. What reads and writes the files of a
stored table is in io_managers/; what computes frames is in reception/, preparation/ and omop/.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pandas as pd
import pyarrow as pa

CHUNK_ROWS = 100_000
"""Rows of one frame: 100 000 rows of 40 text columns are about 100 MB."""

PANDAS_DTYPES: Mapping[pa.DataType, Any] = {
    pa.string(): pd.StringDtype("pyarrow"),
    pa.int64(): pd.Int64Dtype(),
    pa.float64(): pd.Float64Dtype(),
    pa.date32(): "datetime64[s]",
    pa.timestamp("us"): "datetime64[us]",
}
"""How each stored type is held in pandas. Always nullable: an int64 column with NULLs would become a float and
silently round 63-bit ids."""


@dataclass
class Frames:
    """A table in motion.

    Attributes:
        schema: names and types of the columns, in order.
        frames: the rows, as pandas frames with exactly these columns; can be walked through once.
        metadata: what there is to tell about the rows; complete only after the last frame.
        when_stored: called with the table's path once the table is in place (files that lie beside it).
    """

    schema: pa.Schema
    frames: Iterator[pd.DataFrame]
    metadata: Callable[[], Mapping[str, Any]] = dict
    when_stored: Callable[[Path], None] = field(default=lambda path: None)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows as Arrow batches of `schema`."""
        for frame in self.frames:
            table = pa.Table.from_pandas(frame, schema=self.schema, preserve_index=False)
            yield from table.combine_chunks().to_batches()


@runtime_checkable
class StoredTable(Protocol):
    """A table at rest: knows its file and hands out its rows."""

    @property
    def path(self) -> Path:
        """Where it lies: its file, or the folder of its files."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Its files."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns as the file has them (a CSV file has only text)."""

    @property
    def kept_as_text(self) -> frozenset[pa.DataType]:
        """The types that this kind of file cannot hold and has as text."""

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows, a batch at a time; all columns, or these."""


def frame_of(batch: pa.RecordBatch | pa.Table) -> pd.DataFrame:
    """One Arrow batch as a pandas frame with the types of PANDAS_DTYPES."""
    frame: pd.DataFrame = batch.to_pandas(
        types_mapper=lambda kind: dtype if not isinstance(dtype := PANDAS_DTYPES.get(kind), str) else None,
        date_as_object=False,
    )
    dates = {f.name: PANDAS_DTYPES[f.type] for f in batch.schema if isinstance(PANDAS_DTYPES.get(f.type), str)}
    return frame.astype(dates)
