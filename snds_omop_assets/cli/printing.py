"""What `snds-omop` prints: what a function returned, as tables and sentences. Nothing here ends the process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from snds_omop_assets.settings import Settings

if TYPE_CHECKING:
    from snds_omop_assets.quality.dqd.report import CdmReport
    from snds_omop_assets.reception.report import DeliveryReport
    from snds_omop_assets.run_report.summary import RunSummary
    from snds_omop_assets.vocabulary.loaded import LoadedVocabulary

STYLES = ("green", "yellow", "red")


@contextmanager
def progress_of(console: Console) -> Iterator[Callable[[str, int | None, int | None], None]]:
    """A bar that goes away; gives what tells it of a step: its name, how many are done, how many there are."""
    columns = (
        SpinnerColumn(),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("loading", total=None)
        yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total)


def print_run(summary: "RunSummary", settings: Settings, console: Console) -> None:
    """Its assets, its checks that did not pass, its failures."""
    table = Table(title=f"{settings.delivery} → {settings.warehouse}", title_justify="left")
    for heading in ("asset", "year", "rows", "set aside", "nulled", "seconds"):
        table.add_column(heading, justify="left" if heading == "asset" else "right")
    for asset in summary.assets:
        told = [str(asset.counts.get(name, "")) for name in ("rows set aside", "values set to NULL")]
        table.add_row(asset.name, asset.year or "", str(asset.rows), *told, f"{asset.seconds:.1f}")
    console.print(table)

    not_passed = [check for check in summary.checks if not check.passed]
    failed = [check for check in not_passed if check.failed]
    warned = len(not_passed) - len(failed)
    passed = len(summary.checks) - len(not_passed)
    console.print(f"Checks: {passed} passed, {warned} warned, {len(failed)} failed.")
    for check in not_passed:
        word, style = ("FAILED", "red") if check.failed else ("warning", "yellow")
        said = f": {check.description}" if check.description else ""
        console.print(f"  {word}: {check.asset} {check.check}{said}", style=style, markup=False, highlight=False)
    for failure in summary.failures:
        console.print(f"Error: {failure}", style="red", markup=False, highlight=False)
    if summary.unclaimed:
        console.print(f"No table claims these files of the delivery: {summary.unclaimed}", style="yellow", markup=False)


def print_delivery(report: "DeliveryReport", console: Console) -> None:
    """What came, by table and year, and what was found."""
    table = Table(title=f"Delivery {report.delivery}", title_justify="left")
    for heading in ("table", "year", "rows", "stored", "set aside", "duplicates", "nulled"):
        table.add_column(heading, justify="left" if heading == "table" else "right")
    for receipt in report.receipts:
        counts = (receipt.rows, receipt.stored, receipt.set_aside, receipt.duplicates, sum(receipt.nulled().values()))
        table.add_row(receipt.table, str(receipt.year or ""), *(str(count) for count in counts))
    console.print(table)
    for finding in sorted(report.findings, key=lambda finding: -finding.status):
        if finding.status:
            where = " ".join(filter(None, (finding.table, str(finding.year or ""), finding.check)))
            console.print(f"  {where}: {finding.sentence}", style=STYLES[finding.status], markup=False, highlight=False)
    for where, sentence in report.errors.items():
        console.print(f"Error: {where}: {sentence}", style="red", markup=False, highlight=False)
    if report.unclaimed:
        console.print(f"No table claims: {', '.join(report.unclaimed)}", style="yellow", markup=False)


def print_checks(report: "CdmReport", console: Console) -> None:
    """How many checks ended how, then those that failed or could not be run."""
    from snds_omop_assets.quality.dqd.dashboard import percent
    from snds_omop_assets.quality.dqd.report import CATEGORIES, subject, type_of

    console.print(f"{report.name}: tables of the CDM at {report.path}: {len(report.tables)}", soft_wrap=True)
    table = Table()
    for heading in ("", "passed", "failed", "not applicable", "error"):
        table.add_column(heading, justify="right" if heading else "left")
    for title, category in [*((category, category) for category in CATEGORIES), ("all", None)]:
        counts = report.counts(category)
        figures = (counts.passed, counts.failed, counts.not_applicable, counts.error)
        table.add_row(title, *(f"{count:,}" for count in figures), end_section=title == CATEGORIES[-1])
    console.print(table)

    for result in report.with_status("fail"):
        # One line each, whatever the width: logs of CI are searched.
        rule, share = result.rule, f"{percent(result.percent)}, {percent(result.rule.threshold)} allowed"
        counts_of = f"{result.violated:,} of {result.total:,} ({share})"
        said = f"Failed ({type_of(result).category.lower()}): {rule.check} of {subject(rule)}: {counts_of}"
        console.print(said, markup=False, highlight=False, soft_wrap=True)
    not_run: dict[str, list[str]] = {}
    for result in report.with_status("error"):
        not_run.setdefault(result.reason, []).append(f"{result.rule.check} of {subject(result.rule)}")
    for reason, what in not_run.items():
        more = f" and {len(what) - 1:,} more" if len(what) > 1 else ""
        said = f"Not run: {what[0]}{more}: {reason}"
        console.print(said, style="red", markup=False, highlight=False, soft_wrap=True)


def print_listed(what: str, console: Console) -> None:
    """The faults, or the scenarios and the traps."""
    from snds_omop_assets.synthetic.faults import FAULTS
    from snds_omop_assets.synthetic.scenario import SCENARIOS, traps

    if what == "faults":
        for fault in FAULTS.values():
            console.print(f"{fault.name}: {fault.sentence} ({fault.verdict}, {fault.told_by})", highlight=False)
        return
    console.print("Scenarios: " + ", ".join(sorted(path.stem for path in SCENARIOS.glob("*.yaml"))))
    for trap in traps().values():
        console.print(f"{trap.name}: {trap.sentence} ({trap.share:g} of {trap.of})", highlight=False)


def print_vocabularies(loaded: "LoadedVocabulary", console: Console) -> None:
    """What a download brought, by vocabulary."""
    table = Table(title=f"Vocabularies, {loaded.version}", title_justify="left")
    for heading in ("vocabulary", "name", "version", "concepts", "standard"):
        table.add_column(heading, justify="right" if heading in ("concepts", "standard") else "left")
    for found in loaded.vocabularies:
        counts = (f"{found.concepts:,}", f"{found.standard:,}")
        table.add_row(found.vocabulary_id, found.name, found.version or "", *counts)
    console.print(table)
    for what, count in loaded.warnings.items():
        if count:
            console.print(f"{what}: {count:,}", style="yellow", markup=False, highlight=False)
    console.print(f"Loaded into {loaded.folder}", soft_wrap=True)
