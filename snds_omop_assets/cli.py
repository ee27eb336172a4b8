"""`snds-omop`: a thin door to documented functions. Each command prints what its function returns."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from snds_omop_assets.errors import SndsOmopError
from snds_omop_assets.settings import ENGINES, Settings

if TYPE_CHECKING:
    from snds_omop_assets.quality.dqd.report import CdmReport
    from snds_omop_assets.reception.report import DeliveryReport
    from snds_omop_assets.run import RunSummary

FAIL_ON = ("conformance", "completeness", "plausibility", "any", "none")
"""Those of quality/dqd/report.py, which would take a second to import."""

STYLES = ("green", "yellow", "red")
LAST_YEAR = 2099

warehouse_option = click.option(
    "--warehouse",
    type=click.Path(path_type=Path),
    help="Folder for what is written (default: SNDS_WAREHOUSE, else ./warehouse).",
)
years_option = click.option("--years", help="One year or a range, of the tables cut by year: 2019 or 2018-2021.")


class Unusable(click.ClickException):
    """Nothing can be done with what was given: the exit code is that of an unusable delivery."""

    exit_code = 2


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
@warehouse_option
@years_option
@click.option("--engine", type=click.Choice(ENGINES), help="What runs the SQL (default: SNDS_ENGINE, else duckdb).")
@click.option("--memory", help="How much the engine may take, as 8GB (default: SNDS_MEMORY, else what it takes).")
def run(
    delivery: Path | None, warehouse: Path | None, years: str | None, engine: str | None, memory: str | None
) -> None:
    """Receive the delivery, build the CDM tables, check them; exit code 1 if anything fails.

    Years of care that nothing new touches are not computed again.
    """
    settings = _settings(delivery, warehouse, SNDS_ENGINE=engine or "", SNDS_MEMORY=memory or "")
    summary, console = _run(settings, "everything", _years(years))
    for name, path in {asset.name: asset.path for asset in summary.assets if asset.name.startswith("omop/")}.items():
        console.print(f"{name}: {path}", soft_wrap=True)
    console.print(f"Done in {summary.seconds:.0f} s." if summary.success else "Failed.", style="bold")
    sys.exit(0 if summary.success else 1)


@main.command()
@click.argument("delivery", type=click.Path(path_type=Path))
@warehouse_option
@years_option
def receive(delivery: Path, warehouse: Path | None, years: str | None) -> None:
    """Receive a delivery into the warehouse and report on it.

    Exit code 0 if it is usable, 1 with reserves, 2 if it is unusable.
    """
    from snds_omop_assets.reception import deliveries

    settings, some = _settings(delivery, warehouse), _years(years)
    with _plainly():
        deliveries.refuse_nothing(deliveries.open_settings_delivery(settings), some)
    summary, console = _run(settings, "reception", some)
    with _plainly():
        report = deliveries.report_of_settings(settings, _by_table(summary.failed_assets), some)
    _print_report(report, settings.warehouse / deliveries.REPORTS, console)


@main.command("check-delivery")
@click.argument("delivery", type=click.Path(path_type=Path))
@click.option("--report", "folder", type=click.Path(path_type=Path), help="Folder for the report (HTML and JSON).")
@warehouse_option
@years_option
def check_delivery(delivery: Path, folder: Path | None, warehouse: Path | None, years: str | None) -> None:
    """Verify a delivery without storing anything; compare it with the warehouse, if there is one.

    Exit code 0 if it is usable, 1 with reserves, 2 if it is unusable.
    """
    settings = _settings(delivery, warehouse)
    console = Console()
    from snds_omop_assets.reception import deliveries

    with _progress(console) as show, _plainly():
        report = deliveries.check_delivery(
            settings, _years(years), lambda label, rows: show(f"{label}: {rows:,} rows", None, None)
        )
    _print_report(report, folder, console)


@main.command("check-cdm")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--engine", type=click.Choice(ENGINES), help="What runs the checks (default: SNDS_ENGINE, else duckdb).")
@click.option("--memory", help="How much the engine may take, as 8GB (default: SNDS_MEMORY, else what it takes).")
@click.option(
    "--fail-on", type=click.Choice(FAIL_ON), default=FAIL_ON[0], show_default=True, help="What makes the exit code 1."
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the results for OHDSI's viewer.")
@click.option("--html", "html_file", type=click.Path(path_type=Path), help="Write the results as a page.")
@click.option("--checks", help="Only these types of check: cdmField,isRequired.")
@click.option("--tables", help="Only checks of these tables: person,visit_occurrence.")
def check_cdm(
    path: Path,
    engine: str | None,
    memory: str | None,
    fail_on: str,
    json_file: Path | None,
    html_file: Path | None,
    checks: str | None,
    tables: str | None,
) -> None:
    """Run the checks of OHDSI's Data Quality Dashboard on any CDM; nothing is written to it.

    PATH is a folder of Parquet, CSV or SQLite files, a warehouse, or a SQLite or DuckDB file.

    Exit code 0 if all is well, 1 if a check failed or could not be run (see --fail-on), 2 if PATH cannot be read.
    """
    settings, console = _settings(None, None, SNDS_ENGINE=engine or "", SNDS_MEMORY=memory or ""), Console()
    with _progress(console) as show:
        from snds_omop_assets.quality.dqd import dashboard, report

        with _plainly():
            found = report.check_cdm(
                path, settings, _words(checks), _words(tables), lambda step: show(step, None, None)
            )
    _print_checks(found, console)
    with _plainly():
        for file, write in ((json_file, dashboard.results_json), (html_file, dashboard.results_html)):
            if file is not None:
                dashboard.write_results(write(found), file)
                console.print(f"Written: {file}", soft_wrap=True)
    sys.exit(1 if found.fails(fail_on) else 0)


def _words(text: str | None) -> list[str]:
    """What stands between commas."""
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _print_checks(report: "CdmReport", console: Console) -> None:
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


@main.command()
@click.option("--persons", type=int, help="How many persons (default: what the scenario says).")
@click.option("--years", help="Years of flow and of the end of hospital care: 2019 or 2016-2019.")
@click.option("--seed", type=int, help="Another seed, another delivery.")
@click.option("--out", type=click.Path(path_type=Path), help="A new folder: gets delivery/, truth/ and synth.json.")
@click.option("--format", "form", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True)
@click.option("--scenario", default="thousand", show_default=True, help="A name (--list) or a YAML file.")
@click.option("--fault", "faults", multiple=True, help="Spoil the delivery, as reception must find (--list-faults).")
@click.option("--list", "listed", flag_value="scenarios", help="List the scenarios and the traps.")
@click.option("--list-faults", "listed", flag_value="faults", help="List the faults.")
def synth(
    persons: int | None,
    years: str | None,
    seed: int | None,
    out: Path | None,
    form: Literal["csv", "parquet"],
    scenario: str,
    faults: tuple[str, ...],
    listed: str | None,
) -> None:
    """Make a synthetic delivery, and the truth that it was made from."""
    from snds_omop_assets.synthetic.faults import fault
    from snds_omop_assets.synthetic.generate import DELIVERY, generate
    from snds_omop_assets.synthetic.scenario import read_scenario, with_told

    console = Console()
    if listed is not None:
        _print_listed(listed, console)
        return
    if out is None:
        raise click.UsageError("Say where with --out: a new folder.")
    with _plainly():
        chosen = with_told(read_scenario(scenario), {"persons": persons, "years": years, "seed": seed})
        with _progress(console) as show:
            made = generate(chosen, out, form, lambda done, of: show("persons", done, of), faults)
    for name in made.faults:
        console.print(f"Fault {name}: {fault(name).sentence}")
    first, last = chosen.years
    console.print(
        f"{chosen.persons:,} persons, {first}-{last}, seed {chosen.seed}: {sum(made.rows.values()):,} rows in "
        f"{len(made.rows)} files of {out / DELIVERY}",
        soft_wrap=True,
    )


def _print_listed(what: str, console: Console) -> None:
    from snds_omop_assets.synthetic.faults import FAULTS
    from snds_omop_assets.synthetic.scenario import SCENARIOS, traps

    if what == "faults":
        for fault in FAULTS.values():
            console.print(f"{fault.name}: {fault.sentence} ({fault.verdict}, {fault.told_by})", highlight=False)
        return
    console.print("Scenarios: " + ", ".join(sorted(path.stem for path in SCENARIOS.glob("*.yaml"))))
    for trap in traps().values():
        console.print(f"{trap.name}: {trap.sentence} ({trap.share:g} of {trap.of})", highlight=False)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def docs(folder: Path) -> None:
    """Write the docs page of every SNDS table, from its contract."""
    from snds_omop_assets.contracts.contract_files import layouts
    from snds_omop_assets.contracts.pages import write_pages
    from snds_omop_assets.contracts.snds_tables import OFFICIAL

    with _plainly():
        pages = write_pages(layouts(Settings.from_environment().contracts)[OFFICIAL].tables, folder)
    click.echo(f"{pages} pages: {folder / 'index.md'}")


@main.group()
def vocabulary() -> None:
    """The OHDSI vocabularies and the maps from French codes to standard concepts."""


@vocabulary.command("load")
@click.argument("download", type=click.Path(path_type=Path))
@warehouse_option
def vocabulary_load(download: Path, warehouse: Path | None) -> None:
    """Load an Athena download (folder or zip) into the warehouse; the same download again costs nothing."""
    from snds_omop_assets.vocabulary import base

    settings, console = _settings(None, warehouse, SNDS_VOCABULARY=str(download)), Console()
    with _progress(console) as show, _plainly():
        loaded = base.load(settings, lambda table, rows: show(f"{table}: {rows:,} rows", None, None))
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


@vocabulary.command("coverage")
@warehouse_option
def vocabulary_coverage(warehouse: Path | None) -> None:
    """Resolve the codes of the received tables and report how much of them has a standard concept.

    Writes vocabulary/coverage_report.html and .json, and vocabulary/unmapped_for_usagi.csv into the warehouse.
    """
    from snds_omop_assets.vocabulary import base

    settings, console = _settings(None, warehouse), Console()
    with _progress(console) as show, _plainly():
        report = base.report_coverage(settings, lambda step: show(step, None, None))
    for sentence in report.sentences:
        console.print(sentence, markup=False, highlight=False)
    console.print(f"Report: {report.html}", soft_wrap=True)
    console.print(f"{report.unmapped} codes for Usagi: {report.usagi}", soft_wrap=True)


@vocabulary.command("export")
@click.argument("folder", type=click.Path(path_type=Path))
@warehouse_option
def vocabulary_export(folder: Path, warehouse: Path | None) -> None:
    """Write the local concepts of the French codes in Athena's layout, for ATLAS."""
    from snds_omop_assets.vocabulary import base

    with _plainly():
        written = base.export(_settings(None, warehouse), folder)
    for name, rows in written.items():
        click.echo(f"{folder / name}: {rows} rows")


@vocabulary.command("diff")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@warehouse_option
@click.option("--report", "folder", type=click.Path(path_type=Path), help="Folder for the result (JSON and CSV).")
def vocabulary_diff(old: Path, new: Path, warehouse: Path | None, folder: Path | None) -> None:
    """What changes in this base when the vocabulary NEW takes the place of OLD.

    OLD and NEW are Athena downloads (folders or zips), or folders that the warehouse has loaded.
    """
    from snds_omop_assets.vocabulary import base
    from snds_omop_assets.vocabulary.differences import write_differences

    settings, console = _settings(None, warehouse), Console()
    with _progress(console) as show, _plainly():
        found = base.upgrade_impact(settings, old, new, lambda table, rows: show(f"{table}: {rows:,} rows", None, None))
    for sentence in found.sentences():
        console.print(sentence, markup=False, highlight=False)
    if folder is not None:
        with _plainly():
            for path in write_differences(found, folder):
                console.print(f"Written: {path}", soft_wrap=True)


def _by_table(failed: Mapping[str, str]) -> dict[str, str]:
    """Sentences by table, from those by asset (snds/er_prs_f)."""
    return {asset.rsplit("/", maxsplit=1)[-1].upper(): sentence for asset, sentence in failed.items()}


def _settings(delivery: Path | None, warehouse: Path | None, **more: str) -> Settings:
    given = {"SNDS_DELIVERY": str(delivery or ""), "SNDS_WAREHOUSE": str(warehouse or ""), **more}
    with _plainly():
        return Settings.from_environment(given=given)


def _years(text: str | None) -> list[int] | None:
    """2019 or 2018-2021 as years."""
    if text is None:
        return None
    from snds_omop_assets.reception.delivery import FIRST_YEAR

    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal() and int(first) <= int(last or first)):
        raise click.BadParameter(f"{text!r} is no year and no range of years: write 2019 or 2018-2021.")
    if int(first) < FIRST_YEAR or int(last or first) > LAST_YEAR:
        raise click.BadParameter(f"{text!r}: write years with four digits, from {FIRST_YEAR} on.")
    return list(range(int(first), int(last or first) + 1))


@contextmanager
def _plainly() -> Iterator[None]:
    """End with the sentence of an error of ours, and exit code 2: nothing can be used."""
    try:
        yield
    except SndsOmopError as error:
        raise Unusable(str(error)) from None


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[str, int | None, int | None], None]]:
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


def _run(settings: Settings, job: str, years: list[int] | None) -> "tuple[RunSummary, Console]":
    """Run a job and print what it did."""
    console = Console()
    with _progress(console) as show:
        from snds_omop_assets.run import run as run_job  # three seconds of imports, under the spinner

        with _plainly():
            summary = run_job(settings, show, job, years)

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
    return summary, console


def _print_report(report: "DeliveryReport", folder: Path | None, console: Console) -> None:
    """Print a report, write it where there is a folder for it, and exit with its verdict."""
    from snds_omop_assets.reception.deliveries import write_delivery_report

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
    if folder is not None:
        with _plainly():
            html, _ = write_delivery_report(report, folder)
        console.print(f"Report: {html}", soft_wrap=True)
    console.print(f"The delivery is {report.verdict.words}.", style=f"bold {STYLES[report.verdict]}")
    sys.exit(report.verdict)
