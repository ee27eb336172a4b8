"""The delivery report: what came, what became of each row, and whether it can be used, as one HTML file and as JSON.

The page needs nothing but itself: it opens offline, from a mail or a shared folder, and prints.
"""

import io
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.reception.findings import Finding, Status
from snds_omop_assets.reception.findings import verdict as worst_of
from snds_omop_assets.reception.receipt import FileReceipt, Receipt

HTML, JSON = "delivery_report.html", "delivery_report.json"
TEMPLATE = "report.html.j2"
PAGES = Path(__file__).parent
"""Folder of the template, and of page.css, which other reports share."""

FRENCH = ("utilisable", "utilisable avec réserves", "inutilisable")
"""The verdicts in French, by status."""

SEVERAL = "Several tables"
UNCLAIMED = "Files that no table claims"

THIN_SPACE = "\u202f"
"""Stands between the thousands; a line does not break there."""

FEW_ROWS = 0.01
"""Months at the ends of a plot with less than this share of the largest month are told, not drawn: a few wrong dates
would stretch the axis over centuries."""

MOST_MONTHS = 240
"""A plot shows twenty years at most, the last ones."""

SHORT_AXIS = 18
"""Up to so many months, single months are named below a plot; above it, years."""

COLOURS = ("#5b8db8", "#2f5f8a")
"""Of the bars, by turns from year to year."""

HOLE = "#fbd5d0"


@dataclass(frozen=True)
class DeliveryReport:
    """All that is known of a delivery after its reception.

    Attributes:
        delivery: name of the delivery's folder, not its absolute path.
        layout: name of the layout.
        written: when, an ISO date and time.
        receipts: sorted by table and year.
        findings: of the checks.
        unclaimed: files that no table claims.
        errors: why a table could not be received, by "TABLE year" (or "TABLE", where it comes whole).
    """

    delivery: str
    layout: str
    written: str
    receipts: Sequence[Receipt]
    findings: Sequence[Finding]
    unclaimed: Sequence[str]
    errors: Mapping[str, str]

    @property
    def verdict(self) -> Status:
        """The worst finding; a table that could not be received is worse, a file that nobody claims needs a look."""
        return max(
            worst_of(self.findings),
            Status.UNUSABLE if self.errors else Status.USABLE,
            Status.RESERVES if self.unclaimed else Status.USABLE,
        )

    def verdict_of(self, receipt: Receipt) -> Status:
        """The verdict of one table of one year: what was found there, or over all years of the table."""
        if receipt.table in self.errors or f"{receipt.table} {receipt.year}" in self.errors:
            return Status.UNUSABLE
        return worst_of(
            finding
            for finding in self.findings
            if finding.table == receipt.table and finding.year in (receipt.year, None)
        )


@dataclass(frozen=True)
class Reason:
    """A sentence behind the verdict, under the table that it is about."""

    about: str
    year: int | None
    status: Status
    sentence: str


@dataclass(frozen=True)
class Reject:
    """How often a rule put aside rows, or set values to NULL."""

    table: str
    year: int | None
    column: str
    action: str
    reason: str
    rows: int


@dataclass(frozen=True)
class Volumes:
    """The plot of a table's months.

    Attributes:
        table: its name.
        svg: the picture, to stand in a page.
        alternative: the same in words.
        notes: what the plot does not show, and the months without rows.
    """

    table: str
    svg: Markup
    alternative: str
    notes: Sequence[str]


def write_report(report: DeliveryReport, titles: Mapping[str, str], folder: Path) -> tuple[Path, Path]:
    """Write both files into a folder, each whole or not at all.

    Args:
        report: what is known of the delivery.
        titles: French title by table.
        folder: where to write; made if it is not there.

    Returns:
        The HTML file and the JSON file.
    """
    pages = folder / HTML, folder / JSON
    for path, text in zip(pages, (as_html(report, titles), as_json(report)), strict=True):
        with written_aside(path) as partial:
            partial.write_text(text, encoding="utf-8")
    return pages


def as_json(report: DeliveryReport) -> str:
    """The report for programs; the same report gives the same text."""
    content = {
        "delivery": report.delivery,
        "layout": report.layout,
        "written": report.written,
        "verdict": report.verdict.words,
        "status": int(report.verdict),
        "tables": [_told(receipt, report) for receipt in report.receipts],
        "findings": [asdict(finding) for finding in report.findings],
        "errors": dict(report.errors),
        "unclaimed": list(report.unclaimed),
    }
    return json.dumps(_finite(content), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def page_environment(folder: Path, **filters: Callable[..., str]) -> Environment:
    """What fills the pages of a folder: they may include those of this one, and write numbers and plurals alike."""
    environment = Environment(
        loader=FileSystemLoader([folder, PAGES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, plural=plural, **filters)
    return environment


def as_html(report: DeliveryReport, titles: Mapping[str, str]) -> str:
    """The report for people: one page without any outside resource.

    Args:
        report: what is known of the delivery.
        titles: French title by table.
    """
    environment = page_environment(PAGES, pluriel=pluriel)
    files = [(receipt, file) for receipt in report.receipts for file in receipt.files]
    findings = sorted(report.findings, key=lambda f: (-f.status, f.table, f.year or 0, f.check))
    return environment.get_template(TEMPLATE).render(
        report=report,
        titles=titles,
        french=FRENCH[report.verdict],
        reasons=reasons(report),
        sums={name: sum(getattr(r, name) for r in report.receipts) for name in _SUMS},
        nulled=sum(receipt.nulled().total() for receipt in report.receipts),
        files=[(receipt, file, _dates(file)) for receipt, file in files],
        volumes=[plot for table, receipts in _by_table(report) if (plot := volumes(table, receipts)) is not None],
        rejects=rejects(report),
        findings=findings,
        to_judge=sum(finding.status > Status.USABLE for finding in findings),
        drift=[(receipt, entry) for receipt in report.receipts for entry in receipt.drift],
        values=[(r, column) for r in report.receipts for column in sorted({*r.not_given, *r.normalised, *r.outside})],
        vanished=[(receipt, file) for receipt in report.receipts for file in receipt.vanished],
        Status=Status,
    )


def reasons(report: DeliveryReport) -> list[tuple[str, list[Reason]]]:
    """Why the verdict is what it is: the sentences by table, worst first; nothing where all is well."""
    found = [Reason(about, None, Status.UNUSABLE, sentence) for about, sentence in report.errors.items()]
    found += [
        Reason(finding.table or SEVERAL, finding.year, finding.status, finding.sentence)
        for finding in report.findings
        if finding.status > Status.USABLE
    ]
    if report.unclaimed:
        found.append(Reason(UNCLAIMED, None, Status.RESERVES, ", ".join(report.unclaimed)))
    worst = {about: max(r.status for r in found if r.about == about) for about in {r.about for r in found}}
    found.sort(key=lambda r: (-worst[r.about], r.about, -r.status, r.year or 0))
    return [(about, list(some)) for about, some in groupby(found, key=lambda r: r.about)]


def rejects(report: DeliveryReport) -> list[Reject]:
    """What was put aside or set to NULL, by table, year and rule; the most frequent first."""
    found = []
    for receipt in report.receipts:
        for key, rows in receipt.rejects.items():
            column, action, reason = key.split("|", maxsplit=2)
            found.append(Reject(receipt.table, receipt.year, column, action, reason, rows))
    return sorted(found, key=lambda r: (r.table, r.year or 0, -r.rows, r.column, r.reason))


def volumes(table: str, receipts: Sequence[Receipt]) -> Volumes | None:
    """The stored rows per month over all years of a table; None where it has no months."""
    rows: Counter[str] = Counter()
    for receipt in receipts:
        rows.update(receipt.months)
    dated = {_ordinal(month): count for month, count in rows.items() if _is_month(month) and count}
    if not dated:
        return None
    heavy = [month for month, count in dated.items() if count >= FEW_ROWS * max(dated.values())]
    years = [receipt.year for receipt in receipts if receipt.year is not None]
    # Whole years, so that a missing December is seen.
    whole = [12 * year + month for year in years for month in (0, 11)]
    last = max(*heavy, *whole) if whole else max(heavy)
    first = max(min([*heavy, *whole]), last - MOST_MONTHS + 1)
    drawn = {month: dated.get(month, 0) for month in range(first, last + 1)}
    holes = [_month(month) for month, count in drawn.items() if not count]
    elsewhere = sum(dated.values()) - sum(drawn.values())
    without = rows.total() - sum(dated.values())
    notes = [
        *([f"No row in {', '.join(holes)}."] if holes else []),
        *([f"{number(elsewhere)} {plural(elsewhere, 'row')} in other months, not drawn."] if elsewhere else []),
        *([f"{number(without)} {plural(without, 'row')} without a month."] if without else []),
    ]
    alternative = (
        f"{table}: rows per month from {_month(first)} to {_month(last)}, {number(min(drawn.values()))} to "
        f"{number(max(drawn.values()))} a month. {' '.join(notes)}"
    )
    return Volumes(table, _bars(table, drawn), alternative.strip(), notes)


def number(value: float | str) -> str:
    """A number as people read it: thin spaces between the thousands, four digits of a fraction; a text as it is."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.4g}" if abs(value) < 1000 or not math.isfinite(value) else number(round(value))  # noqa: PLR2004
    return f"{int(value):,}".replace(",", THIN_SPACE)


def plural(count: int, one: str, many: str | None = None) -> str:
    """The word for so many."""
    return one if count == 1 else many or one + "s"


def pluriel(count: int, one: str, many: str | None = None) -> str:
    """The French word for so many, where zero is singular."""
    return plural(max(count, 1), one, many)


_SUMS = ("rows", "stored", "set_aside", "duplicates")


def _told(receipt: Receipt, report: DeliveryReport) -> dict[str, Any]:
    """A receipt with its sums."""
    return {
        "table": receipt.table,
        "year": receipt.year,
        "verdict": report.verdict_of(receipt).words,
        **{name: getattr(receipt, name) for name in _SUMS},
        "nulled": receipt.nulled().total(),
        **json.loads(receipt.to_json()),
    }


def _finite(value: Any) -> Any:
    """The same content, with words for the numbers that JSON does not have."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case Mapping():
            return {key: _finite(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_finite(inner) for inner in value]
        case _:
            return value


def _by_table(report: DeliveryReport) -> list[tuple[str, list[Receipt]]]:
    ordered = sorted(report.receipts, key=lambda receipt: receipt.table)
    return [(table, list(some)) for table, some in groupby(ordered, key=lambda receipt: receipt.table)]


def _dates(file: FileReceipt) -> dict[str, list[str]]:
    """Columns by the format in which the dates of a file are written."""
    return {key.removeprefix("dates "): told for key, told in file.written.items() if key.startswith("dates ")}


def _is_month(text: str) -> bool:
    return re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text) is not None


def _ordinal(month: str) -> int:
    """2019-03 as a number of months, to count with."""
    year, of_year = month.split("-")
    return 12 * int(year) + int(of_year) - 1


def _month(ordinal: int) -> str:
    return f"{ordinal // 12:04d}-{ordinal % 12 + 1:02d}"


def _bars(table: str, drawn: Mapping[int, int]) -> Markup:
    """A bar per month; months without rows are marked over the whole height."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    months = list(drawn)
    figure = Figure(figsize=(4.4, 1.75), layout="constrained")
    axes = figure.subplots()
    for hole in (month for month in months if not drawn[month]):
        axes.axvspan(hole - 0.5, hole + 0.5, color=HOLE, linewidth=0)
    axes.bar(months, list(drawn.values()), width=0.8, color=[COLOURS[month // 12 % 2] for month in months])
    axes.set_xlim(months[0] - 0.7, months[-1] + 0.7)
    axes.set_ylim(bottom=0)
    if len(months) <= SHORT_AXIS:
        ticks = months[::3]
        labels = [_month(month) for month in ticks]
    else:
        januaries = [month for month in months if month % 12 == 0]
        ticks = januaries[:: len(januaries) // 8 + 1]
        labels = [str(month // 12) for month in ticks]
    axes.set_xticks(ticks, labels, fontsize=8)
    axes.tick_params(labelsize=8, color="#888888", length=3)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(lambda value, _: number(value))
    axes.grid(axis="y", color="#e3e6ea", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_title(table, loc="left", fontsize=10, fontweight="bold", parse_math=False)
    return svg_of(figure, table)


def svg_of(figure: Any, name: str) -> Markup:
    """A figure as the text of an `svg` element of a page: its names must not meet those of other figures there."""
    from matplotlib import rc_context

    text = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(
            text, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    svg = text.getvalue()
    svg = svg[svg.index("<svg ") :]
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)  # a page does not need them
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)  # would be one of the whole page
    svg = re.sub(r'(<svg) [^>]*?(viewBox="[^"]*")[^>]*>', r'\1 \2 aria-hidden="true">', svg)
    return Markup(svg)
