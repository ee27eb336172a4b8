"""From delivered text to typed values: pure functions, a column in, a column out.

A value goes through four steps: blanks off its ends, one spelling per code (1, 01 and 1.0 are the same), texts that
stand for "no value" to NULL, then the type. What does not parse becomes NULL and is marked, never dropped in silence.
"""

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from snds_omop_assets.contracts.finess import with_key
from snds_omop_assets.contracts.snds_tables import Column
from snds_omop_assets.tables import PANDAS_DTYPES

CONTROL_CHARACTERS = r"[\x00-\x1f\x7f-\x9f]"
"""Refused in every value; engines/ids.py separates fields with two of them."""

DATE_SHAPES = (
    # shape of the text, format of its day
    (r"\d{4}-\d{2}-\d{2}(?:[ T]00:00:00(?:\.0+)?)?", "%Y-%m-%d"),
    (r"\d{2}/\d{2}/\d{4}", "%d/%m/%Y"),
    # SAS: DATE9 and DATETIME20, with English months
    (r"\d{2}[A-Za-z]{3}\d{4}(?::00:00:00(?:\.0+)?)?", "%d%b%Y"),
)


@dataclass(frozen=True)
class Parsed:
    """One typed column; all series share the delivered column's index.

    Attributes:
        values: typed values.
        delivered: the delivered text without blanks at its ends.
        unparsable: the text is no value of the type.
        normalised: the value is spelled otherwise than it was delivered.
        stands_for_none: the text was one that stands for "no value".
    """

    values: pd.Series
    delivered: "pd.Series[str]"
    unparsable: "pd.Series[bool]"
    normalised: "pd.Series[bool]"
    stands_for_none: "pd.Series[bool]"


def parse(text: "pd.Series[str]", column: Column) -> Parsed:
    """Type one delivered column by its contract.

    Args:
        text: delivered values (pandas string), NULL where there was none.
        column: the contract.
    """
    delivered = text.str.strip()
    delivered = delivered.mask(delivered == "")
    spelled = _spelled(delivered, column)
    none = spelled.isin(list(column.kind.missing | column.missing)) & spelled.notna()
    wrong = spelled.str.contains(CONTROL_CHARACTERS, regex=True)
    if column.shape is not None:
        wrong |= ~spelled.str.fullmatch(column.shape)
    spelled = spelled.mask(none | wrong.fillna(False))
    values = _typed(spelled, column)
    is_text = column.kind.arrow == "string"
    return Parsed(
        values=values,
        delivered=delivered,
        unparsable=delivered.notna() & values.isna() & ~none,
        normalised=(spelled != delivered).fillna(False) if is_text else pd.Series(False, index=text.index),
        stands_for_none=none,
    )


def _spelled(text: "pd.Series[str]", column: Column) -> "pd.Series[str]":
    """One spelling for each value."""
    match column.type:
        case "code":
            text = _without_padding(text)
            return text if column.width is None else text.str.pad(column.width, fillchar="0")
        case "finess":
            text = _replaced(text, r"^(\d+)\.0*$", r"\1").str.upper()
            text = _replaced(text, r"^(\d{7})$", r"0\1")  # a number that lost the zero of departments 01 to 09
            return text.map({number: with_key(number) for number in text.dropna().unique()}).astype(text.dtype)
        case "integer" | "year" | "month":
            return _without_padding(text)
        case "pseudonym" if column.padding_ignored:
            return _replaced(text, r"^(\D*)0+(\d+\D*)$", r"\1\2")
        case _:
            return text


def _without_padding(text: "pd.Series[str]") -> "pd.Series[str]":
    """`01`, `1.0` and `1` are `1`; what is no whole number stays as it is."""
    return _replaced(_replaced(text, r"^([+-]?\d+)[.,]0*$", r"\1"), r"^\+?(-?)0+(\d+)$", r"\1\2")


def _replaced(text: "pd.Series[str]", pattern: str, replacement: str) -> "pd.Series[str]":
    """Arrow's replacement by pattern: pandas hands one that refers to groups to Python's re, twenty times slower."""
    found = pc.replace_substring_regex(pa.array(text, type=pa.large_string()), pattern, replacement)
    return pd.Series(pd.arrays.ArrowStringArray(found), index=text.index)


def _typed(text: "pd.Series[str]", column: Column) -> pd.Series:
    dtype = PANDAS_DTYPES[column.kind.arrow]
    match column.type:
        case "text" | "code" | "pseudonym" | "finess":
            return text.astype(dtype)
        case "integer" | "year" | "month":
            # 18 digits fit 64 bits; a longer text is no number that the SNDS knows
            digits = text.where(text.str.fullmatch(r"-?\d{1,18}").fillna(False))
            return digits.astype(dtype)
        case "decimal":
            number = text.str.replace(",", ".", regex=False)
            return number.where(number.str.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)").fillna(False)).astype(dtype)
        case "date":
            dates = pd.Series(pd.NaT, index=text.index, dtype="datetime64[ns]")
            for shape, form in DATE_SHAPES:
                fits = text.str.fullmatch(shape).fillna(False)
                days = text[fits].str.replace(r"[ T:].*$", "", regex=True)
                dates[fits] = pd.to_datetime(days, format=form, errors="coerce")
            return dates.astype(dtype)
        case other:
            raise ValueError(f"no parser for the type {other} of {column.name}")
