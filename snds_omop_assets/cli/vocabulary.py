"""`snds-omop vocabulary`: loading vocabularies, what they cover, what another version changes."""

from pathlib import Path

import click
from rich.console import Console

from snds_omop_assets.cli.options import plainly, settings_of, warehouse_option
from snds_omop_assets.cli.printing import print_vocabularies, progress_of


@click.group()
def vocabulary() -> None:
    """The OHDSI vocabularies and the maps from French codes to standard concepts."""


@vocabulary.command("load")
@click.argument("download", type=click.Path(path_type=Path))
@warehouse_option
def vocabulary_load(download: Path, warehouse: Path | None) -> None:
    """Load an Athena download (folder or zip) into the warehouse; the same download again costs nothing."""
    from snds_omop_assets.vocabulary import base

    settings, console = settings_of(None, warehouse, SNDS_VOCABULARY=str(download)), Console()
    with progress_of(console) as show, plainly():
        loaded = base.load(settings, lambda table, rows: show(f"{table}: {rows:,} rows", None, None))
    print_vocabularies(loaded, console)


@vocabulary.command("coverage")
@warehouse_option
def vocabulary_coverage(warehouse: Path | None) -> None:
    """Resolve the codes of the received tables and report how much of them has a standard concept.

    Writes vocabulary/coverage_report.html and .json, and vocabulary/unmapped_for_usagi.csv into the warehouse.
    """
    from snds_omop_assets.vocabulary import base

    settings, console = settings_of(None, warehouse), Console()
    with progress_of(console) as show, plainly():
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

    with plainly():
        written = base.export(settings_of(None, warehouse), folder)
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

    settings, console = settings_of(None, warehouse), Console()
    with progress_of(console) as show, plainly():
        found = base.upgrade_impact(settings, old, new, lambda table, rows: show(f"{table}: {rows:,} rows", None, None))
    for sentence in found.sentences():
        console.print(sentence, markup=False, highlight=False)
    if folder is not None:
        with plainly():
            for path in write_differences(found, folder):
                console.print(f"Written: {path}", soft_wrap=True)
