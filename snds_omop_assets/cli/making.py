"""`snds-omop synth` and `docs`: what is made without data."""

from pathlib import Path
from typing import Literal

import click
from rich.console import Console

from snds_omop_assets.cli.options import plainly
from snds_omop_assets.cli.printing import print_listed, progress_of
from snds_omop_assets.settings import Settings


@click.command()
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
        print_listed(listed, console)
        return
    if out is None:
        raise click.UsageError("Say where with --out: a new folder.")
    with plainly():
        chosen = with_told(read_scenario(scenario), {"persons": persons, "years": years, "seed": seed})
        with progress_of(console) as show:
            made = generate(chosen, out, form, lambda done, of: show("persons", done, of), faults)
    for name in made.faults:
        console.print(f"Fault {name}: {fault(name).sentence}")
    first, last = chosen.years
    console.print(
        f"{chosen.persons:,} persons, {first}-{last}, seed {chosen.seed}: {sum(made.rows.values()):,} rows in "
        f"{len(made.rows)} files of {out / DELIVERY}",
        soft_wrap=True,
    )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def docs(folder: Path) -> None:
    """Write the docs page of every SNDS table, from its contract."""
    from snds_omop_assets.contracts.contract_files import layouts
    from snds_omop_assets.contracts.pages import write_pages
    from snds_omop_assets.contracts.snds_tables import OFFICIAL

    with plainly():
        pages = write_pages(layouts(Settings.from_environment().contracts)[OFFICIAL].tables, folder)
    click.echo(f"{pages} pages: {folder / 'index.md'}")
