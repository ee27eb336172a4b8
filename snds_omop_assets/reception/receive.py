"""Receiving one table: its files become one typed table, and what does not fit the contract is set aside.

The rule for a value that does not parse or breaks its constraint: in a column that the targets can live without it
becomes NULL and is counted; in a required column its row goes to the quarantine. An unknown code is no error here.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from snds_omop_assets.contracts.pandera_schemas import judge, snds_schema
from snds_omop_assets.contracts.snds_tables import (
    DELIVERED,
    OFFICIAL,
    SOURCE_FILE,
    SOURCE_LINE,
    Column,
    Layout,
    SndsTable,
)
from snds_omop_assets.errors import DeliveryError
from snds_omop_assets.reception.delivery import Delivery, TextFile, look_at
from snds_omop_assets.reception.parsing import Parsed, parse
from snds_omop_assets.reception.quarantine import ROW_SET_ASIDE, VALUE_SET_TO_NULL, Quarantine, Reject
from snds_omop_assets.reception.reading import TextBatch, text_batches
from snds_omop_assets.tables import Frames

DOES_NOT_PARSE = "does not parse as "
MISSING = "required value is missing"
LONGEST_SHOWN = 16
"""Longest text that the quarantine shows: the pseudonyms of the SNDS have 17 characters (DCIR and PMSI schemas)."""

NOT_GIVEN = "required value is not given"


@dataclass
class Account:
    """Where the rows of the files went; `rows_read` is always `rows_stored` plus `rows_set_aside`.

    Attributes:
        normalised: values spelled otherwise than delivered, by column.
        stands_for_none: values that stand for "no value" (1600-01-01, code 0), by column.
        received_as: delivered name by official name, where they differ.
        absent: columns of the contract that were not delivered.
        ignored: delivered columns that the contract does not know.
        blank_lines: lines without any value, which are no rows.
    """

    files: list[str] = field(default_factory=list)
    rows_read: int = 0
    rows_stored: int = 0
    rows_set_aside: int = 0
    blank_lines: int = 0
    normalised: Counter[str] = field(default_factory=Counter)
    stands_for_none: Counter[str] = field(default_factory=Counter)
    received_as: dict[str, str] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    ignored: set[str] = field(default_factory=set)


def receive_table(delivery: Delivery, name: str, stored_at: Path) -> tuple[Frames, Account, Quarantine]:
    """Receive one table of a delivery.

    Args:
        delivery: see `delivery.open_delivery`.
        name: official name of the table.
        stored_at: where the table will lie; its quarantine lies beside it.

    Returns:
        The typed rows (the contract's schema), and the account and quarantine that fill while the rows are walked
        through. Nothing of a file that cannot be read is stored: its error comes before the table is in place.

    Raises:
        DeliveryError: a file is missing, empty, no text, or lacks a required column; while the rows are walked
            through, a file is broken or there is no row.
    """
    table = delivery.table(name)
    account, quarantine = Account(), Quarantine(stored_at)
    files = [look_at(path) for path in delivery.files_of(name)]
    columns = [_columns(delivery.layout, table, file, account) for file in files]

    def frames() -> Iterator[pd.DataFrame]:
        schema = snds_schema(table)
        try:
            for file, names in zip(files, columns, strict=True):
                source = file.path.relative_to(delivery.folder).as_posix()
                account.files.append(source)
                for batch in text_batches(file):
                    yield _receive(batch, table, schema, names, source, account, quarantine)
            if files and account.rows_read == 0 and not table.may_be_empty:
                raise DeliveryError(
                    f"{', '.join(account.files)} has a header and no row, so there would be no {name}: "
                    f"ask for the file again."
                )
        except BaseException:
            quarantine.discard()
            raise

    return Frames(table.schema, frames(), when_stored=lambda path: quarantine.publish()), account, quarantine


def _columns(layout: Layout, table: SndsTable, file: TextFile, account: Account) -> Mapping[str, str]:
    """Which delivered column holds which column of the contract.

    Raises:
        DeliveryError: a required column is not in the file.
    """
    delivered = {name.upper(): name for name in file.header}
    found = {}
    for column in table.columns.values():
        name = next((name for name in column.names if name in delivered), None)
        if name is not None:
            found[column.name] = delivered.pop(name)
            if name != column.name:
                account.received_as[column.name] = name
        elif column.required:
            raise DeliveryError(_lacks(column, layout, table, file))
        else:
            account.absent.add(column.name)
    account.ignored |= delivered.keys()
    return found


def _lacks(column: Column, layout: Layout, table: SndsTable, file: TextFile) -> str:
    """The sentence for a missing column. Says known names only: a file without a header line has data there."""
    names = {name for known in table.columns.values() for name in known.names}
    seen = [name for name in file.header if name.upper() in names]
    aliases = f" (or {', '.join(column.aliases)})" if column.aliases else ""
    sentence = (
        f"{file.path.name} lacks the required column {column.name}{aliases} of {table.name}; "
        f"it has {', '.join(seen) or 'none of its columns'} and {len(file.header) - len(seen)} others. "
        f"Deliver the column, rename the one that holds it, or add the header line if the file has none."
    )
    if layout.name != OFFICIAL:
        sentence += f" (The delivery was taken for the {layout.name} layout; if it is not, set SNDS_LAYOUT=official.)"
    return sentence


def _receive(
    batch: TextBatch,
    table: SndsTable,
    schema: pa.DataFrameSchema,
    names: Mapping[str, str],
    file: str,
    account: Account,
    quarantine: Quarantine,
) -> pd.DataFrame:
    """Type one batch, let Pandera judge it, set aside what fails, and keep the accounts."""
    text = batch.frame
    absent = pd.Series(pd.NA, index=text.index, dtype="string[pyarrow]")
    parsed = {
        column.name: parse(text[names[column.name]] if column.name in names else absent, column)
        for column in table.columns.values()
    }
    frame = pd.DataFrame({name: column.values for name, column in parsed.items()}, index=text.index)
    faults = _faults(frame, parsed, table, schema)
    required = {column.name for column in table.columns.values() if column.required}
    set_aside = set(faults.loc[faults["column"].isin(required), "line"])
    private = _private_values(parsed, table) if len(faults) else frozenset[str]()
    # A row that is set aside is listed once per broken required column, not per other fault.
    faults = faults[faults["column"].isin(required) | ~faults["line"].isin(set_aside)]
    quarantine.add(
        [
            Reject(file, row.line, None, ROW_SET_ASIDE, f"{row.values} values where the header has {text.shape[1]}")
            for row in batch.ragged
        ]
        + [
            Reject(
                file,
                int(line),
                name,
                ROW_SET_ASIDE if name in required else VALUE_SET_TO_NULL,
                reason,
                # The values of a row that is set aside may be in the wrong columns: none is shown.
                None if line in set_aside else _shown(parsed[name].delivered.at[line], table.columns[name], private),
            )
            for line, name, reason in faults[["line", "column", "reason"]].itertuples(index=False, name=None)
        ]
    )
    for name, lines in faults.groupby("column")["line"]:
        frame.loc[lines, str(name)] = None
    kept = frame.drop(index=list(set_aside))
    for column in table.columns.values():
        one = parsed[column.name]
        account.normalised[column.name] += int(one.normalised.sum())
        account.stands_for_none[column.name] += int(one.stands_for_none.sum())
        if column.source_value:
            # Assigned row by row: to a frame without rows, pandas would add the rows of the series.
            kept[column.name + DELIVERED] = one.delivered.loc[kept.index]
    kept[SOURCE_FILE] = pd.Series(file, index=kept.index, dtype="string[pyarrow]")
    kept[SOURCE_LINE] = pd.Series(kept.index, index=kept.index, dtype="Int64")
    account.rows_read += len(text) + len(batch.ragged)
    account.rows_set_aside += len(set_aside) + len(batch.ragged)
    account.rows_stored += len(kept)
    account.blank_lines += batch.blank
    return kept.reindex(columns=table.schema.names).reset_index(drop=True)


def _fault(lines: Iterable[int], column: str, reason: str) -> pd.DataFrame:
    return pd.DataFrame({"line": list(lines), "column": column, "reason": reason})


def _private_values(parsed: Mapping[str, Parsed], table: SndsTable) -> frozenset[str]:
    """Every text of a batch that stands in a private column."""
    columns = [parsed[name].delivered.dropna() for name, column in table.columns.items() if column.values_are_private]
    return frozenset(text for column in columns for text in column.unique())


def _shown(text: object, column: Column, private: Collection[str]) -> str | None:
    """The delivered text for the quarantine; nothing where it would tell of a person.

    A pseudonym may stand in the wrong column: long texts are not shown, nor any text that a private column has.
    """
    if column.values_are_private or not isinstance(text, str) or len(text) > LONGEST_SHOWN or text in private:
        return None
    return text


def _faults(
    frame: pd.DataFrame, parsed: Mapping[str, Parsed], table: SndsTable, schema: pa.DataFrameSchema
) -> pd.DataFrame:
    """Every fault of a batch.

    Returns:
        Frame with one row per fault: line, column, reason; sorted by line and by the contract's order of columns.
    """
    found = []
    for name, one in parsed.items():
        column = table.columns[name]
        found.append(_fault(frame.index[one.unparsable], name, DOES_NOT_PARSE + column.type))
        if column.required:
            found.append(_fault(frame.index[one.stands_for_none], name, NOT_GIVEN))
    if (cases := judge(frame, schema)) is not None:
        if cases["index"].isna().any():
            raise DeliveryError(f"{table.name}: a column does not have the type of its contract.")
        over_columns = cases["schema_context"] == "DataFrameSchema"
        late = {column.name: f"before {column.not_before}" for column in table.columns.values() if column.not_before}
        order = cases[over_columns].drop_duplicates(["check", "index"])
        found.append(
            pd.DataFrame({"line": order["index"], "column": order["check"], "reason": order["check"].map(late)})
        )
        each = cases[~over_columns]
        reasons = each["check"].where(each["check"] != "not_nullable", MISSING)
        found.append(pd.DataFrame({"line": each["index"], "column": each["column"], "reason": reasons}))
    # A required value that does not parse is missing as well: the first reason says more.
    faults = pd.concat(found, ignore_index=True).drop_duplicates(["line", "column"])
    place = {name: number for number, name in enumerate(table.columns)}
    return faults.sort_values(
        ["line", "column"], key=lambda s: s.map(place) if s.name == "column" else s, kind="stable"
    )
