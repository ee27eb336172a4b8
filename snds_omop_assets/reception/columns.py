"""Which delivered column holds which column of the contract; a file that lacks a required one is refused."""

import re
from collections.abc import Mapping

from snds_omop_assets.contracts.snds_tables import OFFICIAL, Column, Layout, SndsTable
from snds_omop_assets.errors import DeliveryError
from snds_omop_assets.reception.delivery import Source
from snds_omop_assets.reception.looking import Written
from snds_omop_assets.reception.receipt import FileReceipt

NAME = re.compile(r"[A-Z][A-Z0-9_]{1,31}")

SURPLUS = 2
"""How many more columns of a file another table must know, for the file to be taken for one of that table."""

LEAST_KNOWN = 0.5
"""Least share of a file's columns that another table must know, for the file to be taken for one of that table."""


def columns_of(
    layout: Layout, table: SndsTable, source: Source, written: Written, file: FileReceipt
) -> Mapping[str, str]:
    """Which delivered column holds which column of the contract.

    Args:
        layout: the contracts, to tell which table the file is of if it is not of this one.
        table: the contract.
        source: the file.
        written: its header.
        file: its receipt, in which the columns are noted.

    Returns:
        The delivered name by official name.

    Raises:
        DeliveryError: a required column is not in the file, or the file is one of another table.
    """
    delivered = {name.upper(): name for name in written.header}
    found = {}
    lacking = None
    for column in table.columns.values():
        name = next((name for name in column.names if name in delivered), None)
        if name is not None:
            found[column.name] = delivered.pop(name)
            if name != column.name:
                file.received_as[column.name] = name
        elif column.required:
            lacking = lacking or column
        else:
            file.absent.append(column.name)
    margin = 1 if lacking else SURPLUS
    other = _other_table(layout, table, written, len(found) + margin) if delivered else None
    if other is not None:
        raise DeliveryError(
            f"{source.name} is named as a file of {table.name} and has the columns of {other}: name it as "
            f"{layout.tables[other].file_name(source.year or 2013)}, or deliver the right file."
        )
    if lacking is None and not found:
        lacking = next(iter(table.columns.values()))
    if lacking is not None:
        raise DeliveryError(_lacks(lacking, layout, table, source, written))
    # The header is one: it has columns of the contract. So what looks like a name is a name, and may be told.
    file.columns, file.ignored = list(found), sorted(name for name in delivered if NAME.fullmatch(name))
    return found


def _other_table(layout: Layout, table: SndsTable, written: Written, least: int) -> str | None:
    """The table that knows most columns of the file, and at least so many, where it is not the one of its name."""
    header = {name.upper() for name in written.header}

    def share(other: SndsTable) -> int:
        return sum(any(name in header for name in column.names) for column in other.columns.values())

    best = max(layout.tables.values(), key=share)
    is_other = share(best) >= least and share(best) >= LEAST_KNOWN * len(header)
    return best.name if best.name != table.name and is_other else None


def _lacks(column: Column, layout: Layout, table: SndsTable, source: Source, written: Written) -> str:
    """The sentence for a missing column. Says known names only: a file without a header line has data there."""
    names = {name for known in table.columns.values() for name in known.names}
    seen = [name for name in written.header if name.upper() in names]
    aliases = f" (or {', '.join(column.aliases)})" if column.aliases else ""
    sentence = (
        f"{source.name} lacks the required column {column.name}{aliases} of {table.name}; "
        f"it has {', '.join(seen) or 'none of its columns'} and {len(written.header) - len(seen)} others. "
        f"Deliver the column, rename the one that holds it, or add the header line if the file has none."
    )
    if layout.name != OFFICIAL:
        sentence += f" (The delivery was taken for the {layout.name} layout; if it is not, set SNDS_LAYOUT=official.)"
    return sentence
