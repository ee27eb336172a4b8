"""The results as OHDSI's Data Quality Dashboard writes them, for its own viewer, and as a page for people.

The JSON has the dashboard's names, nesting and types (version 2: names in camel case): a value that stands alone is a
list of one, as R writes it; what is not known has no name at all. So `DataQualityDashboard::viewDqDashboard`,
`reEvaluateThresholds` and `writeJsonResultsToTable` take it as their own.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from snds_omop_assets.io_managers.aside import written_where_asked
from snds_omop_assets.quality.dqd.report import CATEGORIES, CdmReport, Counts, subject, type_of
from snds_omop_assets.quality.dqd.results import CheckResult
from snds_omop_assets.reception.report import THIN_SPACE, page_environment

TEMPLATE = "page.html.j2"
CONTEXTS: Final = ("Verification", "Validation")

WORDS: Final = ("✓ Nothing failed", "! It conforms, but other checks failed", "✕ Checks of conformance failed")
"""Above the page, by how bad it is: the numbers of the colours of page.css."""

MINUTE, HOUR = 60, 3600

SQL_FILES: Final[Mapping[str, str]] = {
    "measurePersonCompleteness": "table_person_completeness",
    "measureConditionEraCompleteness": "table_condition_era_completeness",
    "measureObservationPeriodOverlap": "table_observation_period_overlap",
    "isRequired": "field_is_not_nullable",
    "isForeignKey": "is_foreign_key",
    "standardConceptRecordCompleteness": "field_concept_record_completeness",
    "sourceConceptRecordCompleteness": "field_concept_record_completeness",
}
"""The dashboard's own SQL file of a type of check, where it is not simply called like its level and name."""


def results_json(report: CdmReport) -> str:
    """The results in the layout of the dashboard's results file.

    `pctViolatedRows` is a share from 0 to 1, `thresholdValue` a percent, as in the dashboard. In `Overview`, a check
    that is not applicable or could not be run counts as passed, as it does there; `CheckResults` tells them apart.
    """
    took = report.ended - report.started
    content = {
        "startTimestamp": [f"{report.started:%Y-%m-%d %H:%M:%S}"],
        "endTimestamp": [f"{report.ended:%Y-%m-%d %H:%M:%S}"],
        "executionTime": [_took(took)],
        "executionTimeSeconds": [took.total_seconds()],
        "CheckResults": [_told(result) for result in report.results],
        "Metadata": [_metadata(report)],
        "Overview": {name: [value] for name, value in _overview(report).items()},
    }
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def results_html(report: CdmReport) -> str:
    """The results for people, failed ones first: one page without any outside resource."""
    environment = page_environment(Path(__file__).parent, percent=percent)
    bad = 2 if report.fails(CATEGORIES[0].lower()) else int(report.fails("any"))
    passed = report.with_status("pass")
    return environment.get_template(TEMPLATE).render(
        report=report,
        bad=bad,
        words=WORDS[bad],
        counts=report.counts(),
        summary=_summary(report),
        contexts=(*CONTEXTS, "Total"),
        failed=report.with_status("fail"),
        errors=report.with_status("error"),
        nearly=[result for result in passed if result.violated],
        passed=[result for result in passed if not result.violated],
        not_applicable=report.with_status("not applicable"),
        metadata={name.replace("_", " "): value for name, value in report.source.items()},
        subject=subject,
        type_of=type_of,
        share_passed=_share_passed,
    )


def write_results(text: str, path: Path) -> None:
    """Write a file of results, whole or not at all; its folder is made if it is not there.

    Raises:
        StoreError: it cannot be written.
    """
    with written_where_asked(path) as partial:
        partial.write_text(text, encoding="utf-8")


def percent(value: float) -> str:
    """A percent as people read it; what is not zero does not look like it, what is not all does not look like it."""
    if value and value < 0.01:  # noqa: PLR2004
        return f"<{THIN_SPACE}0.01{THIN_SPACE}%"
    if 99.99 < value < 100:  # noqa: PLR2004
        return f">{THIN_SPACE}99.99{THIN_SPACE}%"
    return f"{value:.2f}".rstrip("0").rstrip(".") + f"{THIN_SPACE}%"


def _told(result: CheckResult) -> dict[str, Any]:
    """A result as an entry of `CheckResults`."""
    rule, kind = result.rule, type_of(result)
    table, field = rule.table.upper(), rule.field and rule.field.upper()
    concepts = ",".join(map(str, rule.concept_ids))
    is_error = result.status == "error"
    argument = f" ({rule.argument})" if rule.argument else ""
    counts = {
        "numViolatedRows": result.violated,
        "pctViolatedRows": result.violated / result.total if result.total else 0,
        "numDenominatorRows": result.total,
    }
    told: dict[str, Any] = {
        **({} if is_error else counts),
        "executionTime": f"{result.seconds:f} secs",
        "queryText": result.query,
        "checkName": rule.check,
        "checkLevel": kind.level,
        "checkDescription": f"{subject(rule)}{argument}: {kind.description}",
        "cdmTableName": table,
        "cdmFieldName": field,
        "conceptId": concepts or None,
        "sqlFile": f"{SQL_FILES.get(rule.check) or _snake(f'{kind.level}_{rule.check}')}.sql",
        "category": kind.category,
        "subcategory": kind.subcategory,
        "context": kind.context,
        "error": result.reason if is_error else None,
        "checkId": "_".join(filter(None, (kind.level, rule.check, table, field, concepts))).lower(),
        "failed": int(result.status == "fail"),
        "passed": int(result.status == "pass"),
        "isError": int(is_error),
        "notApplicable": int(result.status == "not applicable"),
        "notApplicableReason": result.reason if result.status == "not applicable" else None,
        "thresholdValue": rule.threshold,
    }
    return {name: value for name, value in told.items() if value is not None}


def _metadata(report: CdmReport) -> dict[str, Any]:
    """CDM_SOURCE with its names in camel case; the viewer needs the name of the CDM."""
    source = {"cdm_source_name": report.name, **report.source}
    return {**{_camel(name): value for name, value in source.items()}, "dqdVersion": _version()}


def _version() -> str:
    return f"none; snds_omop_assets {version('snds_omop_assets')} ran the same checks"


def _overview(report: CdmReport) -> dict[str, float]:
    """The counts, as the dashboard defines them."""
    counts = report.counts()
    by_category = {category: report.counts(category) for category in sorted(CATEGORIES, reverse=True)}
    passed = counts.total - counts.failed
    return {
        "countTotal": counts.total,
        "countPassed": passed,
        "countErrorFailed": counts.error,
        "countThresholdFailed": counts.failed,
        "countOverallFailed": counts.failed,
        "percentPassed": _percent(passed, counts.total),
        "percentFailed": _percent(counts.failed, counts.total),
        **{f"countTotal{category}": found.total for category, found in by_category.items()},
        **{f"countFailed{category}": found.failed for category, found in by_category.items()},
        **{f"countPassed{category}": found.passed for category, found in by_category.items()},
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


def _summary(report: CdmReport) -> Sequence[tuple[str, Sequence[Counts]]]:
    """The dashboard's table: for each category and for all, the counts by context and in total."""
    rows: list[tuple[str, str | None]] = [*((category, category) for category in CATEGORIES), ("Total", None)]
    return [
        (title, [*(report.counts(category, context) for context in CONTEXTS), report.counts(category)])
        for title, category in rows
    ]


def _share_passed(counts: Counts) -> str:
    """Passed of those that were judged, as the dashboard rounds it: a check that is not applicable counts nowhere."""
    judged = counts.passed + counts.failed + counts.error
    return percent(100 * counts.passed / judged) if judged else "–"


def _took(took: timedelta) -> str:
    """A time in the words of R: the largest unit that it fills."""
    seconds = took.total_seconds()
    if seconds < MINUTE:
        return f"{seconds:.0f} secs"
    return f"{seconds / MINUTE:.0f} mins" if seconds < HOUR else f"{seconds / HOUR:.0f} hours"


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def _snake(name: str) -> str:
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
