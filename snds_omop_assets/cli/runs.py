"""`snds-omop run`, `report`, `receive` and `check-delivery`: what a delivery becomes."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from snds_omop_assets.cli.options import plainly, settings_of, warehouse_option, years_of, years_option
from snds_omop_assets.cli.printing import STYLES, print_delivery, print_run, progress_of
from snds_omop_assets.settings import ENGINES, Settings

if TYPE_CHECKING:
    from snds_omop_assets.reception.report import DeliveryReport
    from snds_omop_assets.run_report.summary import RunSummary


@click.command()
@click.option(
    "--delivery",
    type=click.Path(path_type=Path),
    help="Folder of the delivery (default: SNDS_DELIVERY, else the demonstration).",
)
@warehouse_option
@years_option
@click.option("--engine", type=click.Choice(ENGINES), help="What runs the SQL (default: SNDS_ENGINE, else duckdb).")
@click.option("--memory", help="How much the engine may take, as 8GB (default: SNDS_MEMORY, else what it takes).")
def run(
    delivery: Path | None, warehouse: Path | None, years: str | None, engine: str | None, memory: str | None
) -> None:
    """Receive the delivery, build the CDM tables, check them; exit code 1 if anything fails.

    Years of care that nothing new touches are not computed again. At the end, failed or not, it writes the run report
    (reports/run_report.html and .json in the warehouse); the exit code is that of the run, also if it cannot be.
    """
    settings = settings_of(delivery, warehouse, SNDS_ENGINE=engine or "", SNDS_MEMORY=memory or "")
    summary, console = _run(settings, "everything", years_of(years))
    for name, path in {asset.name: asset.path for asset in summary.assets if asset.name.startswith("omop/")}.items():
        console.print(f"{name}: {path}", soft_wrap=True)
    from snds_omop_assets.run import report_on

    page, sentence = report_on(summary, settings)
    console.print(sentence, style=None if page else "yellow", markup=False, highlight=False, soft_wrap=True)
    console.print(f"Done in {summary.seconds:.0f} s." if summary.success else "Failed.", style="bold")
    sys.exit(0 if summary.success else 1)


@click.command("report")
@warehouse_option
def report_command(warehouse: Path | None) -> None:
    """Write the run report again, from what the warehouse holds and Dagster (DAGSTER_HOME) remembers.

    For runs that were made in the UI or with `dg launch`; `snds-omop run` writes the report itself.
    """
    settings, console = settings_of(None, warehouse), Console()
    with progress_of(console) as show:
        show("report", None, None)
        with plainly():
            from snds_omop_assets.run import report_on_warehouse

            html, _ = report_on_warehouse(settings)
    console.print(f"Run report: {html}", soft_wrap=True)


@click.command()
@click.argument("delivery", type=click.Path(path_type=Path))
@warehouse_option
@years_option
def receive(delivery: Path, warehouse: Path | None, years: str | None) -> None:
    """Receive a delivery into the warehouse and report on it.

    Exit code 0 if it is usable, 1 with reserves, 2 if it is unusable.
    """
    from snds_omop_assets.reception import deliveries

    settings, some = settings_of(delivery, warehouse), years_of(years)
    with plainly():
        deliveries.refuse_nothing(deliveries.open_settings_delivery(settings), some)
    summary, console = _run(settings, "reception", some)
    with plainly():
        report = deliveries.report_of_settings(settings, _by_table(summary.failed_assets), some)
    _print_report(report, settings.warehouse / deliveries.REPORTS, console)


@click.command("check-delivery")
@click.argument("delivery", type=click.Path(path_type=Path))
@click.option("--report", "folder", type=click.Path(path_type=Path), help="Folder for the report (HTML and JSON).")
@warehouse_option
@years_option
def check_delivery(delivery: Path, folder: Path | None, warehouse: Path | None, years: str | None) -> None:
    """Verify a delivery without storing anything; compare it with the warehouse, if there is one.

    Exit code 0 if it is usable, 1 with reserves, 2 if it is unusable.
    """
    settings = settings_of(delivery, warehouse)
    console = Console()
    from snds_omop_assets.reception import deliveries

    with progress_of(console) as show, plainly():
        report = deliveries.check_delivery(
            settings, years_of(years), lambda label, rows: show(f"{label}: {rows:,} rows", None, None)
        )
    _print_report(report, folder, console)


def _by_table(failed: Mapping[str, str]) -> dict[str, str]:
    """Sentences by table, from those by asset (snds/er_prs_f)."""
    return {asset.rsplit("/", maxsplit=1)[-1].upper(): sentence for asset, sentence in failed.items()}


def _run(settings: Settings, job: str, years: list[int] | None) -> "tuple[RunSummary, Console]":
    """Run a job and print what it did."""
    console = Console()
    with progress_of(console) as show, plainly():
        # Three seconds of imports, under the spinner; they make the definitions, which read the project's own files.
        from snds_omop_assets.run import run as run_job

        summary = run_job(settings, show, job, years)
    print_run(summary, settings, console)
    return summary, console


def _print_report(report: "DeliveryReport", folder: Path | None, console: Console) -> None:
    """Print a report, write it where there is a folder for it, and exit with its verdict."""
    from snds_omop_assets.reception.deliveries import write_delivery_report

    print_delivery(report, console)
    if folder is not None:
        with plainly():
            html, _ = write_delivery_report(report, folder)
        console.print(f"Report: {html}", soft_wrap=True)
    console.print(f"The delivery is {report.verdict.words}.", style=f"bold {STYLES[report.verdict]}")
    sys.exit(report.verdict)
