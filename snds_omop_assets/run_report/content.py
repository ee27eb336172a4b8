"""What the run report says, put together: from the run's summary, from the warehouse, from the runs before."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from snds_omop_assets.errors import SndsOmopError
from snds_omop_assets.reception.report import THIN_SPACE
from snds_omop_assets.run_report import accounts, memory
from snds_omop_assets.run_report.accounts import Accounts, TableRows, Vocabularies
from snds_omop_assets.run_report.memory import RunPoint
from snds_omop_assets.run_report.summary import CheckSummary, RunSummary
from snds_omop_assets.run_report.verdict import Verdict, verdict_of
from snds_omop_assets.settings import Settings

LEDGER, CHARACTERISATION = "quality/ledger", "quality/achilles_results"
CHARACTERISATION_FILE = Path("quality", "achilles_results.parquet")
REPORTS = "reports"
UNREADABLE = (OSError, ValueError, KeyError, TypeError, pa.ArrowException, SndsOmopError)

Found = TypeVar("Found")


@dataclass(frozen=True)
class Content:
    """All that the report says.

    Attributes:
        summary: what the run did.
        at: when it ended.
        settings: of the deployment.
        verdict: whether the result can be used.
        failures: why a step failed, by step.
        ledger: None where there is none.
        file_years: years of the delivered files.
        cdm: the rows of the CDM's tables.
        vocabularies: None where there is no report on them.
        points: the runs in the trend, the oldest first, with this one.
        notes: what is missing or could not be read, by section of the page.
        from_instance: the summary is what Dagster remembers, not of one run.
    """

    summary: RunSummary
    at: datetime
    settings: Settings
    verdict: Verdict
    failures: Mapping[str, str]
    ledger: Accounts | None
    file_years: Sequence[int]
    cdm: Sequence[TableRows]
    vocabularies: Vocabularies | None
    points: Sequence[RunPoint]
    notes: Mapping[str, Sequence[str]]
    from_instance: bool

    @property
    def not_passed(self) -> list[CheckSummary]:
        """Blocking failures first, then other failures, then warnings."""
        found = [check for check in self.summary.checks if not check.passed]
        return sorted(found, key=lambda c: (LEVELS.index(level(c)), c.asset, c.year or "", c.check))

    @property
    def passed(self) -> dict[str, int]:
        """How many checks passed, by asset."""
        return dict(sorted(Counter(check.asset for check in self.summary.checks if check.passed).items()))

    @property
    def care_years(self) -> list[str]:
        """The years of care that the CDM has."""
        return sorted({year for table in self.cdm for year in table.years if year.isdecimal()})

    @property
    def cdm_rows(self) -> int:
        """Of all its tables."""
        return sum(table.rows for table in self.cdm)

    @property
    def steps(self) -> list[tuple[str, float]]:
        """Seconds by step, the longest first."""
        return sorted(self.summary.steps.items(), key=lambda step: (-step[1], step[0]))

    def plainly(self, sentence: str) -> str:
        """A sentence without the folders of this machine."""
        return plainly(sentence, self.settings)

    def as_json(self) -> dict[str, Any]:
        """The report for programs: docs/run_report.md says what each key is."""
        checks = self.not_passed
        told = {one: sum(level(check) == one for check in checks) for one in LEVELS}
        content = {
            "written": self.at.isoformat(),
            "verdict": {
                "status": int(self.verdict.status),
                "words": self.verdict.words,
                "sentence": self.verdict.sentence,
                "reasons": list(self.verdict.reasons),
            },
            "run": {
                "delivery": self.settings.delivery.name,
                "engine": self.settings.engine,
                "from": "dagster" if self.from_instance else "run",
                "success": self.summary.success,
                "seconds": round(self.summary.seconds, 3),
                "file_years": list(self.file_years),
                "care_years": [int(year) for year in self.care_years],
            },
            "failures": [{"step": step, "sentence": sentence} for step, sentence in self.failures.items()],
            "checks": {
                "passed": len(self.summary.checks) - len(checks),
                "failed": told[BLOCKING] + told[FAILED],
                "blocking_failed": told[BLOCKING],
                "warnings": told[WARNING],
                "not_passed": [
                    {
                        "level": level(check),
                        "asset": check.asset,
                        "check": check.check,
                        "year": check.year,
                        "sentence": self.plainly(check.description),
                        "figures": dict(check.figures),
                    }
                    for check in checks
                ],
                "passed_by_asset": self.passed,
            },
            "ledger": None if self.ledger is None else asdict(self.ledger),
            "cdm": {"rows": self.cdm_rows, "tables": [asdict(table) for table in self.cdm]},
            "vocabulary": {
                "version": None if self.vocabularies is None else self.vocabularies.version,
                "mapped_share": mapped_share(self.vocabularies),
                "lists": [] if self.vocabularies is None else [asdict(one) for one in self.vocabularies.lists],
            },
            "trend": [asdict(point) for point in self.points],
            "steps": [{"step": step, "seconds": round(seconds, 3)} for step, seconds in self.steps],
            "notes": {section: list(notes) for section, notes in self.notes.items()},
        }
        return content


BLOCKING, FAILED, WARNING = LEVELS = ("blocking", "failed", "warning")
"""What a check that did not pass is: it stops what comes after it, it is an error, it wants somebody to look."""


def level(check: CheckSummary) -> str:
    """One of LEVELS, for a check that did not pass."""
    if not check.failed:
        return WARNING
    return BLOCKING if check.blocking else FAILED


def content_of(summary: RunSummary, settings: Settings, at: datetime, from_instance: bool = False) -> Content:
    """Put together what the report says.

    What cannot be read is a note, not an error: the report of a failed run is the one that is needed most.

    Args:
        summary: what the run did.
        settings: where the warehouse is.
        at: when the run ended.
        from_instance: the summary is what Dagster remembers, not of one run.
    """
    notes: dict[str, list[str]] = {}
    warehouse = settings.warehouse

    def read(section: str, what: str, reading: Callable[[], Found]) -> Found | None:
        try:
            return reading()
        except UNREADABLE:
            notes.setdefault(section, []).append(f"{what} cannot be read.")
            return None

    ledger = read("ledger", f"{accounts.LEDGER_FILE}", lambda: accounts.accounts(warehouse))
    made = {asset.name for asset in summary.assets}
    if ledger is None:
        notes.setdefault("ledger", ["There is no ledger: the asset quality/ledger did not run to its end."])
    elif LEDGER not in made:
        notes["ledger"] = ["The ledger is of an earlier run: this one did not make it."]
    cdm, unread = accounts.cdm_rows(warehouse)
    if unread:
        notes["cdm"] = [f"The file of {table} cannot be read." for table in unread]
    if cdm and not any(name.startswith("omop/") for name in made):
        notes.setdefault("cdm", []).append("The tables are of an earlier run: this one made none of them.")
    if CHARACTERISATION not in made and (warehouse / CHARACTERISATION_FILE).exists():
        notes["people"] = ["The pictures are of an earlier run: this one did not characterise the base."]
    vocabularies = read("vocabulary", f"{accounts.COVERAGE_FILE}", lambda: accounts.vocabularies(warehouse))
    if vocabularies is None:
        notes.setdefault("vocabulary", ["There is no coverage report yet (the asset vocabulary/coverage)."])
    before, broken = memory.remembered(warehouse / REPORTS / memory.RUNS, at)
    if broken:
        notes["trend"] = [f"Passed over, for no report of a run can be read there: {', '.join(broken)}."]
    content = Content(
        summary=summary,
        at=at,
        settings=settings,
        verdict=verdict_of(summary, ledger, cdm),
        failures=failures_of(summary, settings),
        ledger=ledger,
        file_years=read("cdm", "What reception stored", lambda: accounts.delivered_years(warehouse)) or [],
        cdm=cdm,
        vocabularies=vocabularies,
        points=[],
        notes=notes,
        from_instance=from_instance,
    )
    this = memory.point_of(content.as_json())
    return replace(content, points=[*before, this])


def failures_of(summary: RunSummary, settings: Settings) -> dict[str, str]:
    """Why each step failed; of an error that nobody expected only its type, for its text may hold anything."""
    return {
        step: f"It stopped on an error that nobody expected ({summary.unexpected[step]}): the log of the run has more."
        if step in summary.unexpected
        else plainly(sentence, settings)
        for step, sentence in summary.failed_assets.items()
    }


def plainly(sentence: str, settings: Settings) -> str:
    """A sentence without the folders of this machine, only their names; no line breaks before a percent sign."""
    places = (settings.delivery, settings.warehouse, settings.vocabulary, settings.contracts, settings.maps)
    for place in sorted({str(place) for place in places if place is not None}, key=len, reverse=True):
        sentence = sentence.replace(place, place.rstrip("/").rsplit("/", maxsplit=1)[-1])
    return sentence.replace(" %", f"{THIN_SPACE}%")


def mapped_share(vocabularies: Vocabularies | None) -> float | None:
    """Share of the rows with a code that have a standard concept; None where nobody knows."""
    share = None if vocabularies is None else vocabularies.share
    return None if share is None else round(share, 6)


def characterisation(settings: Settings) -> pa.Table | None:
    """The rows of `quality/achilles_results`; None where they were not made or cannot be read."""
    try:
        return pq.read_table(settings.warehouse / CHARACTERISATION_FILE)
    except (OSError, pa.ArrowException):
        return None
