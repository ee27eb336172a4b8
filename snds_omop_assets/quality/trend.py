"""The trend of an asset check: what its last runs found, and a picture of it of two kilobytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg

YEARS = "years"
"""Name of the metadata that says which years were judged; a run over all has none."""

LAST = 30
"""Evaluations that are looked at; of them, those of the same years count."""

WIDTH, HEIGHT, MARGIN = 360, 90, 8
BASE, TOP = HEIGHT - 24, 22  # between the two lines of text
PASSED, FAILED, INK = "#2e7d5b", "#c0392b", "#555"


@dataclass(frozen=True)
class Point:
    """One evaluation of a check.

    Attributes:
        at: when, local time.
        value: the number that is drawn.
        passed: whether the check passed.
    """

    at: datetime
    value: int
    passed: bool


def history(
    instance: dg.DagsterInstance, check: dg.AssetCheckKey, figure: str, years: Mapping[str, str]
) -> list[Point]:
    """What the last evaluations of a check found, the oldest first; none where the instance keeps nothing.

    Args:
        instance: keeps the runs.
        check: asset and name.
        figure: the metadata that is a number.
        years: the metadata YEARS, if there is: years are compared with the same years.
    """
    records = instance.event_log_storage.get_asset_check_execution_history(check, limit=LAST)
    points = (_point(record, figure, years) for record in reversed(records))
    return [point for point in points if point is not None]


def _point(record: Any, figure: str, years: Mapping[str, str]) -> Point | None:
    """An evaluation; None for one that is only planned or is about something else."""
    found = record.evaluation
    if not isinstance(found, dg.AssetCheckEvaluation) or figure not in found.metadata:
        return None
    if {name: value.value for name, value in found.metadata.items() if name == YEARS} != years:
        return None
    value = found.metadata[figure].value
    if not isinstance(value, int):
        return None
    return Point(datetime.fromtimestamp(record.create_timestamp), value, found.passed)


def drawn(points: Sequence[Point], figure: str) -> str:
    """A picture (SVG) of two or more evaluations: a line from 0 to the largest value, and dots, red where it failed."""
    largest = max(point.value for point in points)
    across = (WIDTH - 2 * MARGIN) / (len(points) - 1)
    places = [
        (MARGIN + place * across, BASE - (BASE - TOP) * point.value / max(largest, 1))
        for place, point in enumerate(points)
    ]
    line = " ".join(f"{x:.0f},{y:.0f}" for x, y in places)
    dots = "".join(
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3" fill="{PASSED if point.passed else FAILED}"/>'
        for (x, y), point in zip(places, points, strict=True)
    )
    first, last = (f"{point.at:%Y-%m-%d %H:%M}" for point in (points[0], points[-1]))
    said = f"{figure}: {points[-1].value:,} now, {largest:,} at most in {len(points)} runs"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="sans-serif" font-size="11" fill="{INK}"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        f'<text x="{MARGIN}" y="13">{said}</text><path d="M{MARGIN} {BASE}H{WIDTH - MARGIN}" stroke="#ccc"/>'
        f'<polyline points="{line}" fill="none" stroke="{INK}"/>{dots}'
        f'<text x="{MARGIN}" y="{HEIGHT - 6}">{first}</text>'
        f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - 6}" text-anchor="end">{last}</text></svg>'
    )
