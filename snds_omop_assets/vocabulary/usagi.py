"""The codes without a target, as a file that OHDSI's Usagi imports; user_maps.py reads back what Usagi saved.

In Usagi's dialog "Import codes", choose sourceCode, sourceName and sourceFrequency for the columns of these names, and
nomenclature as an additional info column (places too, if you like): the saved file then says the list of each code.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa

from snds_omop_assets.errors import StoreError
from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.reception.store import said_of
from snds_omop_assets.vocabulary.user_maps import NOMENCLATURE_COLUMN

USAGI_INPUT: Sequence[str] = ("sourceCode", "sourceName", "sourceFrequency", NOMENCLATURE_COLUMN, "places")
"""Columns of the file."""

LARGEST_FREQUENCY: Final = 2**31 - 1
"""Usagi reads frequencies as integers of 32 bits and fails at a larger one."""


def write_usagi_input(unmapped: pa.Table | pd.DataFrame, path: Path) -> int:
    """Write the codes for Usagi, the most frequent first, then by nomenclature and code.

    The file is UTF-8 without a mark, with commas, in the way that Usagi reads and writes CSV: a line per code, and a
    backslash before a quote within a text. A code without a label is its own name. Usagi takes rows of the same code
    and name for one code when it opens a file: where two lists have them, the list is added to the name.

    Args:
        unmapped: nomenclature, code, label and rows, and places if there are any (shapes.SOURCE_CODES).
        path: the file, replaced when the new one is whole.

    Returns:
        The number of codes.

    Raises:
        StoreError: the file cannot be written.
    """
    table = pa.Table.from_pandas(unmapped, preserve_index=False) if isinstance(unmapped, pd.DataFrame) else unmapped
    columns = {name: table[name].to_pylist() for name in ("nomenclature", "code", "label", "rows")}
    places = table["places"].to_pylist() if "places" in table.column_names else [None] * table.num_rows
    codes = columns["code"]
    names = [_one_line(label) or code for label, code in zip(columns["label"], codes, strict=True)]
    repeated = Counter(zip(codes, names, strict=True))
    lines = [
        (
            code,
            f"{name} [{nomenclature}]" if repeated[code, name] > 1 else name,
            min(int(rows or 0), LARGEST_FREQUENCY),
            nomenclature,
            _one_line(place),
        )
        for nomenclature, code, name, rows, place in zip(
            columns["nomenclature"], codes, names, columns["rows"], places, strict=True
        )
    ]
    lines.sort(key=lambda line: (-line[2], line[3], line[0]))
    try:
        with written_aside(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n", doublequote=False, escapechar="\\")
            writer.writerow(USAGI_INPUT)
            writer.writerows(lines)
    except OSError as error:
        raise StoreError(said_of(error, path.parent)) from None
    return len(lines)


def _one_line(text: str | None) -> str:
    """A text without line breaks, which Usagi would take for the end of the row."""
    return " ".join((text or "").split())
