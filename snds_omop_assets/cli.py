"""`snds-omop`: a thin door to documented functions. Each command prints what its function returns."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from snds_omop_assets.errors import SndsOmopError
from snds_omop_assets.settings import Settings

INTERFACE = ("omop/person", "omop/care_site", "omop/provider", "omop/location")


@click.group()
@click.version_option(package_name="snds_omop_assets")
def main() -> None:
    """SNDS deliveries to the OMOP CDM v5.4."""


@main.command()
@click.option(
    "--delivery",
    type=click.Path(path_type=Path),
    help="Folder of the delivery (default: SNDS_DELIVERY, else the demonstration).",
)
@click.option(
    "--warehouse",
    type=click.Path(path_type=Path),
    help="Folder for what is written (default: SNDS_WAREHOUSE, else ./warehouse).",
)
def run(delivery: Path | None, warehouse: Path | None) -> None:
    """Receive the delivery, build the CDM tables, check them; exit code 1 if anything fails."""
    console = Console()
    given = {"SNDS_DELIVERY": str(delivery or ""), "SNDS_WAREHOUSE": str(warehouse or "")}
    try:
        settings = Settings.from_environment(given=given)
    except SndsOmopError as error:
        raise click.ClickException(str(error)) from None
    columns = (
        SpinnerColumn(),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("loading Dagster", total=None)
        from snds_omop_assets.run import run as run_everything  # three seconds of imports, under the spinner

        summary = run_everything(
            settings,
            lambda step, done, total: progress.update(task, description=step, completed=done, total=total),
        )

    table = Table(title=f"{settings.delivery} → {settings.warehouse}", title_justify="left")
    for heading in ("asset", "rows", "set aside", "nulled", "seconds"):
        table.add_column(heading, justify="left" if heading == "asset" else "right")
    for asset in summary.assets:
        told = [str(asset.counts.get(name, "")) for name in ("rows set aside", "values set to NULL")]
        table.add_row(asset.name, str(asset.rows), *told, f"{asset.seconds:.1f}")
    console.print(table)

    not_passed = [check for check in summary.checks if not check.passed]
    failed = [check for check in not_passed if check.blocking]
    warned = len(not_passed) - len(failed)
    passed = len(summary.checks) - len(not_passed)
    console.print(f"Checks: {passed} passed, {warned} warned, {len(failed)} failed.")
    for check in not_passed:
        word, style = ("FAILED", "red") if check.blocking else ("warning", "yellow")
        console.print(f"  {word}: {check.asset} {check.check}", style=style)
    for failure in summary.failures:
        console.print(f"Error: {failure}", style="red", markup=False, highlight=False)
    if summary.unclaimed:
        console.print(f"No table claims these files of the delivery: {summary.unclaimed}", style="yellow", markup=False)
    written = [asset for asset in summary.assets if asset.name in INTERFACE]
    for asset in written:
        console.print(f"{asset.name}: {asset.path}", soft_wrap=True)
    console.print(f"Done in {summary.seconds:.0f} s." if summary.success else "Failed.", style="bold")
    sys.exit(0 if summary.success else 1)
