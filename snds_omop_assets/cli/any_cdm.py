"""`snds-omop check-cdm` and `characterise`: what somebody's CDM is worth, and what it holds."""

import sys
from pathlib import Path

import click
from rich.console import Console

from snds_omop_assets.cli.options import plainly, settings_of, words
from snds_omop_assets.cli.printing import print_checks, progress_of
from snds_omop_assets.settings import ENGINES

FAIL_ON = ("conformance", "completeness", "plausibility", "any", "none")
"""Those of quality/dqd/report.py, which would take a second to import."""


@click.command("check-cdm")
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
    settings, console = settings_of(None, None, SNDS_ENGINE=engine or "", SNDS_MEMORY=memory or ""), Console()
    with progress_of(console) as show:
        from snds_omop_assets.quality.dqd import dashboard, report

        with plainly():
            found = report.check_cdm(path, settings, words(checks), words(tables), lambda step: show(step, None, None))
    print_checks(found, console)
    with plainly():
        for file, write in ((json_file, dashboard.results_json), (html_file, dashboard.results_html)):
            if file is not None:
                dashboard.write_results(write(found), file)
                console.print(f"Written: {file}", soft_wrap=True)
    sys.exit(1 if found.fails(fail_on) else 0)


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--engine", type=click.Choice(ENGINES), help="What counts (default: SNDS_ENGINE, else duckdb).")
@click.option("--memory", help="How much the engine may take, as 8GB (default: SNDS_MEMORY, else what it takes).")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the three tables, as CSV files.")
@click.option("--html", "html_file", type=click.Path(path_type=Path), help="Write a page of pictures.")
def characterise(path: Path, engine: str | None, memory: str | None, out: Path | None, html_file: Path | None) -> None:
    """Count what any CDM holds, by the analyses of OHDSI's Achilles; nothing is written to it.

    PATH is a folder of Parquet, CSV or SQLite files, a warehouse, or a SQLite or DuckDB file. Nothing is told of fewer
    persons than SNDS_SMALL_CELL (11).
    """
    # PATH as the delivery: only the one of the demonstration, whose persons are invented, has small cells.
    settings, console = settings_of(path, None, SNDS_ENGINE=engine or "", SNDS_MEMORY=memory or ""), Console()
    with progress_of(console) as show:
        from snds_omop_assets.quality.achilles import report

        with plainly():
            found = report.characterise_cdm(path, settings, lambda step: show(step, None, None))
    console.print(
        f"{report.source_name(found) or path.name}: {found.analysis.num_rows} analyses, "
        f"{found.results.num_rows + found.distributions.num_rows:,} cells, {sum(found.hidden.values()):,} left out "
        f"(fewer than {settings.small_cell} persons, or next to such a cell).",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
    with plainly():
        written = report.write_tables(found, out) if out is not None else []
        if html_file is not None:
            written.append(report.write_page(found, html_file, path.name, settings.small_cell))
    for file in written:
        console.print(f"Written: {file}", soft_wrap=True)
