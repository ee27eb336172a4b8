"""The run report: whether a run's result can be used, what was lost and why, what changed; one HTML file and its JSON.

The page needs nothing but itself: it opens offline, from a mail or a shared folder, and prints.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from snds_omop_assets.errors import StoreError
from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.quality.achilles.pictures import Picture, pictures
from snds_omop_assets.reception.report import THIN_SPACE, number, page_environment, plural
from snds_omop_assets.reception.store import said_of
from snds_omop_assets.run_report import memory
from snds_omop_assets.run_report.accounts import KEPT
from snds_omop_assets.run_report.content import REPORTS, Content, characterisation, content_of, level
from snds_omop_assets.run_report.flow import flow_of
from snds_omop_assets.run_report.pictures import COLOURS, flow_in_words, flow_picture, trend_pictures
from snds_omop_assets.run_report.summary import RunSummary
from snds_omop_assets.run_report.verdict import WORDS
from snds_omop_assets.settings import Settings
from snds_omop_assets.vocabulary.coverage_report import percent

HTML, JSON = "run_report.html", "run_report.json"
TEMPLATE = "report.html.j2"
MINUTE = 60
SHOWN_STEPS = 25
NAMED = 3
"""So many of the tables that a step made are named."""


def write_run_report(
    summary: RunSummary,
    settings: Settings,
    at: datetime | None = None,
    from_instance: bool = False,
) -> tuple[Path, Path]:
    """Write the report on a run into `reports/` of the warehouse, and remember it for the trend of the next.

    Args:
        summary: what the run did; a failed run has a report too.
        settings: where the warehouse is.
        at: when the run ended; None takes now. A summary that is not newer than the newest run that is remembered
            tells nothing new, and makes no point in the trend.
        from_instance: the summary is what Dagster remembers, not of one run.

    Returns:
        The HTML file and the JSON file.

    Raises:
        StoreError: a file cannot be written.
    """
    folder = settings.warehouse / REPORTS
    runs = folder / memory.RUNS
    at = at or datetime.now(UTC)
    content = content_of(summary, settings, at, from_instance)
    text = as_json(content)
    pages = folder / HTML, folder / JSON
    known = memory.newest(runs)
    try:
        for path, told in zip(pages, (as_html(content), text), strict=True):
            with written_aside(path) as partial:
                partial.write_text(told, encoding="utf-8")
        if not from_instance or known is None or at > known:
            memory.remember(text, runs, at)
    except OSError as error:
        raise StoreError(said_of(error, folder)) from None
    return pages


def as_json(content: Content) -> str:
    """The report for programs; the same content gives the same text."""
    return json.dumps(content.as_json(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def as_html(content: Content) -> str:
    """The report for people: one page without any outside resource."""
    environment = page_environment(Path(__file__).parent, percent=percent, seconds=duration)
    ledger = content.ledger
    flow = flow_of(ledger) if ledger is not None and ledger.rows else None
    people, people_note = people_of(content)
    return environment.get_template(TEMPLATE).render(
        content=content,
        level=level,
        colours=COLOURS,
        flow=None if flow is None else flow_picture(flow, content.cdm),
        flow_in_words="" if flow is None else flow_in_words(flow, content.cdm),
        kept=[] if ledger is None else [rule for rule in ledger.rules if rule.bucket == KEPT],
        parts=parts_of(content),
        people=people,
        people_note=people_note,
        trend=trend_pictures(content.points),
        makes=lambda step: makes(step, content.summary),
        shown_steps=SHOWN_STEPS,
        rest_seconds=sum(seconds for _, seconds in content.steps[SHOWN_STEPS:]),
        verdicts=WORDS,
    )


def duration(seconds: float) -> str:
    """A duration as people read it."""
    if seconds < MINUTE:
        return f"{seconds:.1f}{THIN_SPACE}s"
    whole = round(seconds)
    minutes, hours = whole // MINUTE % MINUTE, whole // MINUTE**2
    return (
        f"{hours}{THIN_SPACE}h {minutes:02d}{THIN_SPACE}min"
        if hours
        else (f"{minutes}{THIN_SPACE}min {whole % MINUTE:02d}{THIN_SPACE}s")
    )


def parts_of(content: Content) -> list[str]:
    """The columns of the rows by year: years, then what has none."""
    parts = {part for table in content.cdm for part in table.years}
    return sorted(parts, key=lambda part: (not part.isdecimal(), part))


def makes(step: str, summary: RunSummary) -> str:
    """The tables that a step made, with their rows; where there are many, only how many."""
    rows: dict[str, int] = {}
    for asset in summary.assets:
        if asset.step == step and asset.rows:  # some assets do not tell their rows
            rows[asset.name] = rows.get(asset.name, 0) + asset.rows
    if not rows:
        return ""
    if len(rows) > NAMED:
        return f"{number(len(rows))} tables, {number(sum(rows.values()))} rows"
    said = [f"{number(count)} {plural(count, 'row')}" for count in rows.values()]
    return said[0] if list(rows) == [step] else ", ".join(f"{n}: {s}" for n, s in zip(rows, said, strict=True))


def people_of(content: Content) -> tuple[Sequence[Picture], str]:
    """The pictures of the characterisation, and a note; no pictures where it was not made or cannot be drawn."""
    results = characterisation(content.settings)
    if results is None:
        return [], "The base was not characterised: the asset quality/achilles_results has made no file."
    try:
        return pictures(results), ""
    except (ValueError, KeyError, TypeError):
        return [], "The results of quality/achilles_results cannot be drawn."
