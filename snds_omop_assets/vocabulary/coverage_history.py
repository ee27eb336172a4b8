"""Coverage over runs: a line of `vocabulary/coverage_history.jsonl` per run that found something new."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from snds_omop_assets.errors import StoreError
from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.reception.store import said_of
from snds_omop_assets.vocabulary.coverage import Coverage, share_of

HISTORY: Final = "coverage_history.jsonl"


@dataclass(frozen=True)
class ListFigures:
    """What a run found for one list of codes.

    Attributes:
        codes: different codes.
        rows: rows that hold one.
        mapped_share: share of these rows whose code has a concept.
    """

    codes: int
    rows: int
    mapped_share: float


@dataclass(frozen=True)
class CoverageRun:
    """What one run found.

    Attributes:
        time: when, an ISO date and time.
        version: of the vocabulary.
        lists: figures by list of codes.
    """

    time: str
    version: str
    lists: Mapping[str, ListFigures]

    @property
    def rows(self) -> int:
        """Rows that hold a code, over all lists."""
        return sum(one.rows for one in self.lists.values())

    @property
    def mapped_share(self) -> float:
        """Share of the rows of all lists whose code has a concept."""
        return sum(one.rows * one.mapped_share for one in self.lists.values()) / max(self.rows, 1)

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass(frozen=True)
class History:
    """The runs so far.

    Attributes:
        runs: the oldest first.
        unread: numbers of the lines that could not be read.
    """

    runs: tuple[CoverageRun, ...]
    unread: tuple[int, ...] = ()

    @property
    def note(self) -> str:
        """What could not be read, as a sentence; empty where all was."""
        if not self.unread:
            return ""
        lines = ", ".join(map(str, self.unread))
        return f"{HISTORY} has lines that cannot be read (line {lines}); they are left as they are, and not shown."


def read_history(folder: Path) -> History:
    """The runs that `coverage_history.jsonl` in a folder tells; a line that is no run is skipped and noted.

    Raises:
        StoreError: the file cannot be read.
    """
    runs, unread = [], []
    for number, line in enumerate(_text(folder / HISTORY).splitlines(), start=1):
        if line.strip():
            try:
                runs.append(_run(json.loads(line)))
            except (ValueError, TypeError, KeyError, AttributeError):
                unread.append(number)
    return History(tuple(runs), tuple(unread))


def with_run(folder: Path, coverage: Coverage, version: str, time: datetime) -> History:
    """Add a run to the history in a folder, unless it found what the last one did with the same vocabulary.

    Args:
        folder: `vocabulary` in the warehouse.
        coverage: what the run found.
        version: of the vocabulary.
        time: when it ran.

    Returns:
        The history with this run.

    Raises:
        StoreError: the file cannot be read or written.
    """
    run = run_of(coverage, version, time)
    known = read_history(folder)
    if known.runs and (known.runs[-1].version, known.runs[-1].lists) == (run.version, run.lists):
        return known
    path = folder / HISTORY
    before = _text(path)
    try:
        with written_aside(path) as partial:
            line_end = "" if not before or before.endswith("\n") else "\n"
            partial.write_text(f"{before}{line_end}{run.to_json()}\n", encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise StoreError(said_of(error, folder)) from None
    return History((*known.runs, run), known.unread)


def run_of(coverage: Coverage, version: str, time: datetime) -> CoverageRun:
    """A run, as the history keeps it; the lists in the order of their names."""
    figures = {
        row["nomenclature"]: ListFigures(row["codes"], row["rows"], round(share_of(row, "rows") or 0.0, 6))
        for row in coverage.lists()
    }
    return CoverageRun(time.isoformat(timespec="seconds"), version, dict(sorted(figures.items())))


def _text(path: Path) -> str:
    try:
        # What is not UTF-8 stays as it is, whoever wrote it.
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}): give this account the right to.") from None


def _run(told: Mapping[str, Any]) -> CoverageRun:
    """A run from its line; anything that is not of this form raises one of Python's own errors."""
    lists = {
        str(name): ListFigures(int(one["codes"]), int(one["rows"]), float(one["mapped_share"]))
        for name, one in told["lists"].items()
    }
    return CoverageRun(datetime.fromisoformat(told["time"]).isoformat(timespec="seconds"), str(told["version"]), lists)
