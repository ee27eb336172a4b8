"""When things begin: days drawn by the month of the year, and series of days."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snds_omop_assets.synthetic.days import Days, Ints, month_in_year

SEASONS: Mapping[str, tuple[float, ...]] = {
    # January to December; only the proportions count
    "flat": (1.0,) * 12,
    "winter": (1.45, 1.4, 1.2, 1.0, 0.9, 0.75, 0.65, 0.6, 0.85, 1.1, 1.2, 1.35),
    "summer": (0.7, 0.7, 0.8, 0.9, 1.1, 1.3, 1.5, 1.5, 1.1, 0.9, 0.8, 0.7),
    "school": (1.1, 1.0, 1.1, 1.0, 1.0, 1.05, 0.8, 0.62, 1.1, 1.15, 1.1, 0.9),
}

WEEK, SUNDAY, THURSDAY = 7, 6, 3
"""1 January 1970 was a Thursday; weeks begin on Monday (0)."""


def days_by_weight(
    count: int, begins: Any, ends: Any, weights: NDArray[np.float64], chance: np.random.Generator
) -> Days:
    """Days from `begins` to `ends`, drawn by weights.

    Args:
        count: how many.
        begins, ends: first and last day possible, of all or of each.
        weights: of every day from the earliest `begins` to the latest `ends`.
    """
    if not count:
        return np.array([], np.int64)
    origin = int(np.min(begins))
    total = np.concatenate([[0.0], np.cumsum(weights)])
    low, high = total[np.asarray(begins) - origin], total[np.asarray(ends) - origin + 1]
    drawn = np.searchsorted(total, low + chance.random(count) * (high - low), side="right") - 1
    days: Days = np.clip(drawn + origin, begins, ends)
    return days


def days_by_season(count: int, begins: Any, ends: Any, season: str, chance: np.random.Generator) -> Days:
    """Days from `begins` to `ends`, more of them in a season: flat, winter, summer or school (few in August)."""
    if not count:
        return np.array([], np.int64)
    every = np.arange(np.min(begins), np.max(ends) + 1)
    return days_by_weight(count, begins, ends, np.array(SEASONS[season])[month_in_year(every) - 1], chance)


def open_day(days: Any) -> Days:
    """The same day, or Monday where it is a Sunday."""
    days = np.asarray(days)
    opened: Days = days + ((days + THURSDAY) % WEEK == SUNDAY)
    return opened


def steps(counts: Any) -> tuple[Ints, Ints]:
    """For series of several lengths: to which series each element belongs, and its number in it, from 0."""
    counts = np.maximum(np.asarray(counts, np.int64), 0)
    which = np.repeat(np.arange(len(counts)), counts)
    return which, np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)


def rhythm(first: Days, last: Any, every: Any, chance: np.random.Generator, wobble: int = 0) -> tuple[Ints, Days]:
    """Days at a rhythm, from `first` to `last`, some days too early or too late, never on Sundays.

    Returns:
        to which of `first` each day belongs, and the day.
    """
    every = np.broadcast_to(every, len(first))
    which, step = steps((last - first) // every + 1)
    days = first[which] + step * every[which] + chance.integers(-wobble, wobble + 1, len(which))
    return which, open_day(days)
