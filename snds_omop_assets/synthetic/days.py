"""Days as whole numbers since 1970-01-01, so that arrays of them are added and compared."""

from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Days = NDArray[np.int64]

EPOCH = date(1970, 1, 1)
NEVER = 1 << 20
"""A day after every other (year 4840): somebody does not die, a period does not end."""

FAR = 1 << 24
"""More than the number of any day, so that a person or a stay and a day make one number."""

NO_DAY = (date(1600, 1, 1) - EPOCH).days
"""1 January 1600, which stands for "no date" in the DCIR and the beneficiaries."""


def day_of(year: int, month: int = 1, day: int = 1) -> int:
    """A day of the calendar as a number."""
    return (date(year, month, day) - EPOCH).days


def months_of(days: Any) -> Ints:
    """Months since January 1970."""
    return np.asarray(days, "datetime64[D]").astype("datetime64[M]").astype(np.int64)


def first_of_month(months: Any) -> Days:
    """The first day of months since January 1970."""
    return np.asarray(months, "datetime64[M]").astype("datetime64[D]").astype(np.int64)


def years_of(days: Any) -> Ints:
    """Calendar years."""
    return np.asarray(days, "datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970


def month_in_year(days: Any) -> Ints:
    """1 to 12."""
    return months_of(days) % 12 + 1


def year_month(days: Any) -> Ints:
    """YYYYMM."""
    return years_of(days) * 100 + month_in_year(days)
