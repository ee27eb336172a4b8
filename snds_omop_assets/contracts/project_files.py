"""CSV files by which a project departs from what the package says: every line has a reason."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from snds_omop_assets.errors import ContractError


def project_lines(path: Path, columns: Sequence[str], what: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The lines of a project's file, each with its number and its cells by column; lines without any text are left out.

    Args:
        path: a CSV file with commas, in UTF-8.
        columns: those that it must have; others are left out.
        what: what the file gives, for the sentence.

    Raises:
        ContractError: the file cannot be read, lacks a column, or has more cells in a line than columns.
    """
    try:
        # Excel begins a UTF-8 file with a byte order mark.
        lines = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(
            f"{path.name} is not a readable CSV file in UTF-8: {type(error).__name__}. Correct it."
        ) from None
    if missing := [column for column in columns if column not in (lines.fieldnames or ())]:
        raise ContractError(
            f"{path.name} has no column {missing[0]}; {what} need the columns {', '.join(columns)}, between commas."
        )
    for line in lines:
        if None in line:
            raise ContractError(
                f"{path.name}, line {lines.line_num}: there are more cells than columns; write a decimal point, not a "
                f"comma, and put a text with commas between double quotes."
            )
        cells = {column: (line[column] or "").strip() for column in columns}
        if any(cells.values()):
            yield lines.line_num, cells
