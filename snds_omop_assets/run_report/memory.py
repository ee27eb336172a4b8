"""The runs so far, for the trend: a copy of each report's JSON in `$SNDS_WAREHOUSE/reports/runs`, named by its time."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from snds_omop_assets.io_managers.aside import written_aside

RUNS = "runs"
KEPT = 100
"""So many runs are remembered, the newest."""

STAMP = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True)
class RunPoint:
    """One run in the trend.

    Attributes:
        written: when, an ISO date and time.
        status: 0 usable, 1 usable with warnings, 2 not usable.
        failed: checks that failed.
        warnings: checks that warned.
        cdm_rows: rows of all CDM tables.
        mapped_share: share of the rows with a code that have a standard concept; None where it was not known.
        seconds: what the run took.
    """

    written: str
    status: int
    failed: int
    warnings: int
    cdm_rows: int
    mapped_share: float | None
    seconds: float


def remembered(folder: Path, before: datetime) -> tuple[list[RunPoint], list[str]]:
    """The runs before a time, the oldest first; and the names of the files that are no report of a run."""
    points, unread = [], []
    for file in _files(folder):
        if file.stem >= before.strftime(STAMP):
            continue
        try:
            points.append(point_of(json.loads(file.read_text(encoding="utf-8"))))
        except (OSError, ValueError, KeyError, TypeError):
            unread.append(file.name)
    return points[-KEPT + 1 :], unread


def point_of(content: Mapping[str, Any]) -> RunPoint:
    """What the trend needs of a report's JSON.

    Raises:
        KeyError, TypeError, ValueError: it is no report of a run.
    """
    share = content["vocabulary"]["mapped_share"]
    return RunPoint(
        written=datetime.fromisoformat(content["written"]).isoformat(timespec="seconds"),
        status=int(content["verdict"]["status"]),
        failed=int(content["checks"]["failed"]),
        warnings=int(content["checks"]["warnings"]),
        cdm_rows=int(content["cdm"]["rows"]),
        mapped_share=None if share is None else float(share),
        seconds=float(content["run"]["seconds"]),
    )


def remember(text: str, folder: Path, at: datetime) -> Path:
    """Keep the JSON of a run, and of all runs the newest KEPT.

    Raises:
        OSError: the folder cannot be written.
    """
    path = folder / f"{at.strftime(STAMP)}.json"
    with written_aside(path) as partial:
        partial.write_text(text, encoding="utf-8")
    for old in _files(folder)[:-KEPT]:
        old.unlink(missing_ok=True)
    return path


def newest(folder: Path) -> datetime | None:
    """When the newest remembered run was; None where there is none."""
    for file in reversed(_files(folder)):
        try:
            return datetime.strptime(f"{file.stem}+0000", f"{STAMP}%z")
        except ValueError:
            continue
    return None


def _files(folder: Path) -> Sequence[Path]:
    return sorted(folder.glob("[!.]*.json"))
