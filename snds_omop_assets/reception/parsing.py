"""From delivered text to typed values: pure functions, a column in, a column out.

A value goes through four steps: blanks off its ends, one spelling per code (1, 01 and 1.0 are the same), texts that
stand for "no value" to NULL, then the type. What does not parse becomes NULL and is marked, never dropped in silence.

A column has few texts and many rows: each different text is judged once and the rows follow.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl
import pyarrow as pa

from snds_omop_assets.contracts.column_types import DATE_FORMATS
from snds_omop_assets.contracts.finess import with_key
from snds_omop_assets.contracts.snds_tables import Column
from snds_omop_assets.reception.coding import Texts
from snds_omop_assets.reception.looking import MISSING_TEXTS, NEVER_A_VALUE, TIME_OF_DAY, Formats

CONTROL_CHARACTERS = r"[\x00-\x1f\x7f-\x{9f}]"
"""Refused in every value; engines/ids.py separates fields with two of them."""

EARLIEST_YEAR = 1500
"""The SNDS's "no date" is in 1600; a year before this one has two digits."""

LATEST_YEAR = 2200
YEAR_ONE = 101
"""January of the year 1, with which some sources say that there is no month."""

FRENCH_MONTHS: Mapping[str, str] = {
    "JANV": "JAN", "FEVR": "FEB", "FÉVR": "FEB", "FEV": "FEB", "FÉV": "FEB", "MARS": "MAR", "AVRI": "APR", "AVR": "APR",
    "MAI": "MAY", "JUIN": "JUN", "JUIL": "JUL", "AOUT": "AUG", "AOÛT": "AUG", "AOU": "AUG", "AOÛ": "AUG",
    "SEPT": "SEP", "OCTO": "OCT", "NOVE": "NOV", "DECE": "DEC", "DÉCE": "DEC", "DÉC": "DEC",
}  # fmt: skip
"""SAS writes months in the language of its session; JUI, which may be June or July, is refused."""

STRFTIME: Mapping[str, str] = {
    "yyyy-mm-dd": "%Y-%m-%d", "dd/mm/yyyy": "%d/%m/%Y", "ddmmyyyy": "%d%m%Y", "yyyymmdd": "%Y%m%d", "date9": "%d%b%Y"
}  # fmt: skip


COUNTED = ("code", "integer", "decimal")
"""The types whose values are counted, to describe a delivery."""


@dataclass(frozen=True)
class Parsed:
    """One typed column.

    Attributes:
        values: typed values; texts are coded where the delivered ones are.
        delivered: the delivered text without blanks at its ends; NULL where nothing was delivered.
        unparsable: which rows hold a text that is no value of the type; None where none does.
        normalised: how many values are spelled otherwise than they were delivered.
        stands_for_none: how many texts stand for "no value".
        counts: for a code or a number: how many rows have each value, as `Texts.counts` has it; None for other types.
    """

    values: pl.Series
    delivered: pl.Series
    unparsable: pl.Series | None = None
    normalised: int = 0
    stands_for_none: int = 0
    counts: pl.DataFrame | None = None


def parse(text: pl.Series, column: Column, formats: Formats, unusual: bool = True, blanks: bool = True) -> Parsed:
    """Type one delivered column by its contract.

    Args:
        text: delivered values, coded or not, NULL where there was none.
        column: the contract.
        formats: how dates, numbers and missing values are written.
        unusual: the file has bytes that a value should not have, so that texts are searched for them.
        blanks: values may have blanks at their ends.
    """
    is_text = column.kind.arrow == pa.string()
    # In a number or a date they are seen when they do not parse.
    missing = formats.missing | frozenset(NEVER_A_VALUE) if is_text else formats.missing
    asked = column.shape or column.padding_ignored or column.missing or unusual
    if column.type == "pseudonym" and text.dtype == pl.String and not asked:
        # Nearly as many texts as rows, and nothing to ask of them: rows are not taken apart into texts and places.
        delivered = _stripped(text) if blanks else text
        values = _without(delivered, missing)
        return Parsed(values, delivered, stands_for_none=values.null_count() - delivered.null_count())
    texts = Texts.of(text)
    delivered = _stripped(texts.texts) if blanks else texts.texts
    given = _without(delivered, missing)
    values, wrong = _spellings(given, column, unusual) if is_text else _typed(given, column, formats)
    in_rows = texts.followed_by_rows
    in_text = texts.spelled if isinstance(text.dtype, pl.Enum) else in_rows
    return Parsed(
        text if values is texts.texts else in_text(values) if is_text else in_rows(values),
        text if delivered is texts.texts else in_text(delivered),
        in_rows(wrong).fill_null(False) if texts.rows_with(wrong) else None,
        normalised=texts.rows_with(values != given) if is_text and values is not given else 0,
        stands_for_none=texts.rows_with(delivered.is_not_null() & values.is_null() & ~wrong),
        counts=texts.counts(values) if column.type in COUNTED else None,
    )


def _stripped(text: pl.Series) -> pl.Series:
    text = text.str.strip_chars()
    return text.set(empty, None) if (empty := text == "").any() else text


def _without(text: pl.Series, missing: Collection[str]) -> pl.Series:
    return text.set(absent, None) if missing and (absent := text.is_in(list(missing))).any() else text


def spelled(text: pl.Series, column: Column) -> pl.Series:
    """One spelling for each value of a text column."""
    match column.type:
        case "code":
            text = _without_padding(text)
            return text if column.width is None else text.str.zfill(column.width)
        case "finess":
            text = text.str.replace(r"^(\d+)\.0*$", "$1").str.to_uppercase()
            text = text.str.replace(r"^(\d{7})$", "0$1")  # a number that lost the zero of departments 01 to 09
            return pl.Series(text.name, [None if n is None else with_key(n) for n in text], dtype=pl.String)
        case "pseudonym" if column.padding_ignored:
            return text.str.replace(r"^(\D*)0+(\d+\D*)$", "$1$2")
        case _:
            return text


def _spellings(given: pl.Series, column: Column, unusual: bool) -> tuple[pl.Series, pl.Series]:
    """The value of each text of a text column, in one spelling, and which texts are wrong."""
    value = spelled(given, column)
    absent = value.is_in(list(column.kind.missing | column.missing))
    wrong = pl.repeat(False, len(value), eager=True)
    if unusual:
        wrong |= value.str.contains(CONTROL_CHARACTERS)
    if column.shape is not None:
        wrong |= ~value.str.contains(f"^(?:{column.shape})$")
    wrong = (wrong & ~absent).fill_null(False)
    values = value.set(absent | wrong, None)
    return given if values.equals(given) else values, wrong


def _typed(given: pl.Series, column: Column, formats: Formats) -> tuple[pl.Series, pl.Series]:
    """The value of each text of a column of numbers or days, and which texts are wrong."""
    match column.type:
        case "integer" | "year" | "month":
            values = _integers(given)
        case "decimal":
            values = _decimals(given, formats)
        case "date":
            values = _days(given, formats.dates.get(column.name))
        case "year_month":
            values = _year_months(given, formats.dates.get(column.name))
        case other:
            raise ValueError(f"no parser for the type {other} of {column.name}")
    wrong = given.is_not_null() & values.is_null() & ~given.is_in(MISSING_TEXTS).fill_null(False)
    return _without_missing(values, column), wrong


def _without_padding(text: pl.Series) -> pl.Series:
    """`01`, `1.0` and `1` are `1`; what is no whole number stays as it is."""
    padded = text.str.contains(r"^[+0-]|[.,]")  # to look costs a tenth of what it costs to replace
    if not padded.any():
        return text
    found = text.filter(padded).str.replace(r"^([+-]?\d+)[.,]0*$", "$1").str.replace(r"^\+?(-?)0*(\d+)$", "$1$2")
    return text.clone().scatter(padded.arg_true(), found)  # which changes what it is given


def _integers(text: pl.Series) -> pl.Series:
    """Whole numbers; `1.0` and `+01` are 1."""
    values = text.cast(pl.Int64, strict=False)
    if values.null_count() == text.null_count():
        return values
    return _where_null(text, values, lambda rest: _without_padding(rest).cast(pl.Int64, strict=False))


def _decimals(text: pl.Series, formats: Formats) -> pl.Series:
    """Numbers with a decimal point or comma."""

    def number(some: pl.Series) -> pl.Series:
        values = some.cast(pl.Float64, strict=False)
        return values.set(~values.is_finite(), None) if not values.is_finite().all() else values

    values = number(text.str.replace(",", ".", literal=True) if formats.decimal_comma else text)
    if values.null_count() == text.null_count() or formats.decimal_comma:
        return values
    # 1,5 is a half more than one; 1,234 may be a thousand and more, so it is no number here.
    with_comma = r"^([+-]?\d*),(\d{1,2})$"
    return _where_null(text, values, lambda rest: number(rest.str.replace(with_comma, "$1.$2")))


def _where_null(text: pl.Series, values: pl.Series, again: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Try again, otherwise, the texts that gave no value."""
    rest = text.is_not_null() & values.is_null()
    return values.scatter(rest.arg_true(), again(text.filter(rest)))


def _days(text: pl.Series, form: str | None) -> pl.Series:
    """Dates in one format; a time of day is cut off. Without a format no text is a date."""
    if form is None:
        return pl.Series(text.name, [None], dtype=pl.Date).new_from_index(0, len(text))
    longest = {"yyyy-mm-dd": 10, "dd/mm/yyyy": 10, "ddmmyyyy": 8, "yyyymmdd": 8}.get(form, 9)
    if (text.str.len_bytes() > longest).any():
        text = text.str.replace(TIME_OF_DAY, "")
    if form == "ddmmyyyy":
        text = text.str.zfill(8)  # numbers lose their zero
    if form == "date9":
        text = _english_months(text)
    fits = text.str.contains(f"^(?:{DATE_FORMATS[form]})$") if form in ("ddmmyyyy", "yyyymmdd") else None
    values = text.str.to_date(STRFTIME[form], strict=False)
    years = values.dt.year()
    wrong = (years < EARLIEST_YEAR) & (values != date(1, 1, 1))
    if fits is not None:
        wrong |= ~fits
    return values.set(wrong, None) if wrong.any() else values


def _english_months(text: pl.Series) -> pl.Series:
    """04FÉVR2013 becomes 04FEB2013; each different text is looked at once."""
    texts = text.unique().drop_nulls()
    capitals = texts.str.to_uppercase().str.replace(".", "", literal=True)
    month = capitals.str.slice(2).str.head(-4)
    english = capitals.str.head(2) + month.replace(dict(FRENCH_MONTHS)) + capitals.str.tail(4)
    return text.replace(texts, english)


def _year_months(text: pl.Series, form: str | None) -> pl.Series:
    """Months as numbers YYYYMM, from a month or from a day of it."""
    if form in ("yyyymm", "mmyyyy"):
        number = _integers(text)
        values = number if form == "yyyymm" else number % 10_000 * 100 + number // 10_000
        months = values % 100
        years = values // 100
        wrong = ~months.is_between(1, 12) | (years >= LATEST_YEAR) | ((years < EARLIEST_YEAR) & (values != YEAR_ONE))
        return values.set(wrong, None)
    days = _days(text, form)
    return days.dt.year().cast(pl.Int64) * 100 + days.dt.month()


def _without_missing(values: pl.Series, column: Column) -> pl.Series:
    """Values that stand for none become NULL."""
    none = column.kind.missing | column.missing
    if values.dtype == pl.Date:
        absent = values.is_in([date.fromisoformat(day) for day in none])
    elif values.dtype == pl.Int64 and none:
        absent = values.is_in([int(number) for number in none])
    else:
        return values
    return values.set(absent, None)
