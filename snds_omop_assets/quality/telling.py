"""What a steward reads of an asset check: a sentence, figures, the failed checks as a table, the trend."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from snds_omop_assets.contracts.cdm_severities import Severity
from snds_omop_assets.quality.asset_checks import CONFORMANCE, Check
from snds_omop_assets.quality.dqd.report import subject
from snds_omop_assets.quality.dqd.results import CheckResult
from snds_omop_assets.quality.judging import OF_PERSONS, is_cut
from snds_omop_assets.quality.trend import YEARS, Point, drawn
from snds_omop_assets.steward import drawing, table_of

FAILED_CHECKS, VIOLATED_ROWS, TREND = "failed checks", "violated rows", "trend"
SHOWN = 5
"""Failed checks that the sentence names; the table has all."""


def figure_of(check: str) -> str:
    """The number whose trend is drawn: rows where none may be violated, else checks, which have thresholds."""
    return VIOLATED_ROWS if check in CONFORMANCE else FAILED_CHECKS


def years_said(years: Collection[int] | None, results: Sequence[CheckResult]) -> Mapping[str, str]:
    """The years that were judged, for the metadata; nothing where they are all."""
    if not years or not any(is_cut(result.rule) for result in results):
        return {}
    first, last = min(years), max(years)
    return {YEARS: str(first) if first == last else f"{first}-{last}"}


def told(
    check: Check,
    results: Sequence[CheckResult],
    severity: Severity,
    small_cell: int,
    years: Mapping[str, str],
    before: Sequence[Point] = (),
) -> dict[str, Any]:
    """What an asset check found, as the fields of an AssetCheckResult.

    It passes if no check failed. A check of conformance that could not be run does not pass; one of completeness or
    plausibility that could not (a table that it reads is not there yet) is only counted.

    Args:
        check: name and table.
        results: those of its rules.
        severity: what a failure does.
        small_cell: counts of persons below this are not told.
        years: the years that were judged (`years_said`).
        before: what earlier runs found.
    """
    name, _ = check
    ended = Counter(result.status for result in results)
    wrong = [r for r in results if r.status == "fail" or (r.status == "error" and name in CONFORMANCE)]
    wrong.sort(key=lambda r: (r.status == "fail", -r.percent))
    figures: dict[str, int] = {FAILED_CHECKS: ended["fail"]}
    if name in CONFORMANCE:
        figures[VIOLATED_ROWS] = sum(result.violated for result in results)
    metadata: dict[str, Any] = {
        **figures,
        "passed checks": ended["pass"],
        "checks that do not apply": ended["not applicable"],
        "checks that could not be run": ended["error"],
        "what failed": table_of(
            {"check": str, "of": str, "violated": str, "rows": str, "share": str, "allowed": str},
            [_line(result, small_cell) for result in wrong],
        ),
        "why it blocks" if severity.blocks else "why it warns": severity.reason,
        **years,
    }
    figure = figure_of(name)
    if before:
        points = [*before, Point(datetime.now(), figures[figure], not wrong)]
        metadata[TREND] = drawing(drawn(points, figure), f"{figure} over {len(points)} runs")
    return {
        "passed": not wrong,
        "severity": dg.AssetCheckSeverity.ERROR if severity.blocks else dg.AssetCheckSeverity.WARN,
        "description": _sentence(wrong, small_cell, years),
        "metadata": metadata,
    }


def absent(check: Check, asset: str, severity: Severity) -> dict[str, Any]:
    """A check that has nothing to judge does not pass."""
    return {
        "passed": False,
        "severity": dg.AssetCheckSeverity.ERROR if severity.blocks else dg.AssetCheckSeverity.WARN,
        "description": f"{asset} has not been materialized in this warehouse: materialize it first.",
    }


def _sentence(wrong: Sequence[CheckResult], small_cell: int, years: Mapping[str, str]) -> str:
    of = f"{years[YEARS]}: " if years else ""
    if not wrong:
        return f"{of}No check failed."
    named = [f"{r.rule.check} of {subject(r.rule)} ({_said(r, small_cell)})" for r in wrong[:SHOWN]]
    more = f", and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return f"{of}Failed: {'; '.join(named)}{more}."


def _said(result: CheckResult, small_cell: int) -> str:
    """Counts and share, for small failures are easily missed in percents."""
    if result.status == "error":
        return "could not be run"
    if _hidden(result, small_cell):
        return "few persons or nearly all"
    return f"{result.violated:,} of {result.total:,}, {result.percent:.4g} %"


def _line(result: CheckResult, small_cell: int) -> tuple[str, ...]:
    counts, share = (str(result.violated), str(result.total)), f"{result.percent:.4g} %"
    if result.status == "error":
        counts, share = ("", ""), result.reason
    elif _hidden(result, small_cell):
        counts, share = (f"fewer than {small_cell}, or all but so many", "persons"), "few persons or nearly all"
    return (result.rule.check, subject(result.rule), *counts, share, f"{result.rule.threshold:g} %")


def _hidden(result: CheckResult, small_cell: int) -> bool:
    """Whether a result counts few persons, or all but few."""
    few = (result.violated, result.total - result.violated)
    return result.rule.check in OF_PERSONS and any(0 < count < small_cell for count in few)
