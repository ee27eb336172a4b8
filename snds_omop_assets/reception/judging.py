"""Judging typed rows: which values and rows do not fit the contract, and what the quarantine says of them."""

from collections.abc import Collection, Mapping

import pandera.polars as pa
import polars as pl

from snds_omop_assets.contracts.snds_schemas import faults
from snds_omop_assets.contracts.snds_tables import Column, SndsTable
from snds_omop_assets.reception.parsing import Parsed
from snds_omop_assets.reception.quarantine import ROW_SET_ASIDE, VALUE_SET_TO_NULL

DOES_NOT_PARSE = "does not parse as "
NOT_GIVEN = "required value is not given"
LONGEST_SHOWN = 16
"""Longest text that the quarantine shows: the pseudonyms of the SNDS have 17 characters (DCIR and PMSI schemas)."""


def faults_of(
    frame: pl.DataFrame, parsed: Mapping[str, Parsed], table: SndsTable, schema: pa.DataFrameSchema
) -> pl.DataFrame:
    """Every fault of some typed rows: those of typing, and those that Pandera finds.

    Returns:
        One row per fault: `row` (number in the frame), `column`, `reason`; sorted by row and by the contract's order of
        columns. A value has one fault, the first.
    """
    found = []
    for name, one in parsed.items():
        column = table.columns[name]
        if one.unparsable is not None:
            found.append(_fault(one.unparsable, name, DOES_NOT_PARSE + column.type))
        if column.required and one.values.null_count():
            given = one.delivered.is_not_null() & one.values.is_null()
            found.append(_fault(given if one.unparsable is None else given & ~one.unparsable, name, NOT_GIVEN))
    broken = faults(frame, schema, table)
    if broken.height:
        found.append(broken)
    all_faults = pl.concat(found) if found else broken
    if not all_faults.height:
        return all_faults
    # A required value that does not parse is missing as well: the first reason says more.
    place = {name: number for number, name in enumerate(table.columns)}
    return (
        all_faults.unique(["row", "column"], keep="first", maintain_order=True)
        .with_columns(pl.col("column").replace_strict(place, return_dtype=pl.Int64).alias("place"))
        .sort("row", "place")
        .drop("place")
    )


def set_aside(
    frame: pl.DataFrame, parsed: Mapping[str, Parsed], found: pl.DataFrame, table: SndsTable
) -> tuple[pl.DataFrame, pl.Series, pl.DataFrame]:
    """Take out what is at fault: a wrong value of an optional column, the whole row where the column is required.

    Args:
        frame: typed rows.
        parsed: the columns they are made of.
        found: see `faults_of`.
        table: the contract.

    Returns:
        The rows that stay, with wrong values NULL; which rows stay; and one line per reject: `row`, and the columns of
        the quarantine but for file and line. A row that goes is listed once per required column, without other faults.
    """
    required = [column.name for column in table.columns.values() if column.required]
    in_required = found["column"].is_in(required)
    gone = found["row"].filter(in_required).unique()
    found = found.filter(in_required | ~found["row"].is_in(gone.implode()))
    private = _private_values(parsed, table)
    values = [
        None if name in required else _shown(parsed[name].delivered[row], table.columns[name], private)
        for row, name in found.select("row", "column").iter_rows()
    ]
    aside = pl.col("column").is_in(required)
    rejects = found.with_columns(
        action=pl.when(aside).then(pl.lit(ROW_SET_ASIDE)).otherwise(pl.lit(VALUE_SET_TO_NULL)),
        value=pl.Series(values, dtype=pl.String),
    )
    nulled = {
        str(name): frame[str(name)].scatter(some["row"], None)
        for (name,), some in found.group_by("column")
        if name not in required
    }
    kept = ~pl.Series(range(frame.height)).is_in(gone.implode())
    return frame.with_columns(**nulled).filter(kept), kept, rejects


def _fault(where: pl.Series, column: str, reason: str) -> pl.DataFrame:
    rows = where.arg_true().cast(pl.Int64)
    return pl.DataFrame({"row": rows}).with_columns(column=pl.lit(column), reason=pl.lit(reason))


def _private_values(parsed: Mapping[str, Parsed], table: SndsTable) -> frozenset[str]:
    """Every text of a batch that stands in a private column."""
    columns = [parsed[name].delivered for name, c in table.columns.items() if c.values_are_private and name in parsed]
    return frozenset(text for column in columns for text in column.drop_nulls().unique())


def _shown(text: str | None, column: Column, private: Collection[str]) -> str | None:
    """The delivered text for the quarantine; nothing where it would tell of a person.

    A pseudonym may stand in the wrong column: long texts are not shown, nor any text that a private column has.
    """
    if column.values_are_private or text is None or len(text) > LONGEST_SHOWN or text in private:
        return None
    return text
