"""Dates as a delivery writes them, and as faults do."""

import re
from collections.abc import Callable, Mapping, Sequence

import polars as pl

from snds_omop_assets.synthetic.faults.rows_of_tables import mapped

DATES = tuple(
    re.compile(shape)
    for shape in (
        r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})",
        r"(?P<day>\d{2})/(?P<month>\d{2})/(?P<year>\d{4})",
        r"(?P<day>\d{2})(?P<month>[A-Z]{3})(?P<year>\d{4})",
        r"(?P<year>(?:19|20)\d{2})(?P<month>0[1-9]|1[0-2])(?P<day>\d{2})",
        r"(?P<day>\d{2})(?P<month>\d{2})(?P<year>\d{4})",
    )
)
"""How dates may be written; what follows (a time of day) is left as it is."""

MONTHS = ("", "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def _date_in(text: str) -> re.Match[str] | None:
    return next((found for shape in DATES if (found := shape.match(text))), None)


def _redated(parts: Callable[[Mapping[str, str]], Mapping[str, str]]) -> Callable[[str], str]:
    """Writes other parts (year, month, day) into a date, as it is written; what is no date stays."""

    def redated(text: str) -> str:
        if (found := _date_in(text)) is None:
            return text
        new = parts(found.groupdict())
        for name in sorted(new, key=found.start, reverse=True):
            text = text[: found.start(name)] + new[name] + text[found.end(name) :]
        return text

    return redated


def years_later(years: int) -> Callable[[str], str]:
    """Moves a date by whole years; 29 February becomes the 28th, and 1600, which stands for no date, stays."""

    def moved(date: Mapping[str, str]) -> dict[str, str]:
        if date["year"] == "1600":
            return {}
        leap = date["day"] == "29" and date["month"] in ("02", MONTHS[2])
        return {"year": f"{int(date['year']) + years:04d}", "day": "28" if leap else date["day"]}

    return _redated(moved)


not_given = _redated(lambda date: {"year": "1600", "month": MONTHS[1] if date["month"].isalpha() else "01",
                                   "day": "01"})  # fmt: skip
"""1 January 1600 for a date."""

exchanged = _redated(lambda date: date if date["month"].isalpha() else {"day": date["month"], "month": date["day"]})
"""The month for the day and the day for the month."""


def zeros(date: str) -> str:
    """0000-00-00, as some databases write no date."""
    return re.sub(r"\d", "0", date)


def _month(text: str) -> str:
    """The number of a date's month."""
    month = "" if (found := _date_in(text)) is None else found["month"]
    return f"{MONTHS.index(month):02d}" if month in MONTHS else month


def in_months(column: str, months: Sequence[str]) -> pl.Expr:
    """Chooses the rows whose date is in one of some months (01 to 12)."""
    return mapped(column, _month).is_in(months).fill_null(False)
