"""`snds-omop`: a thin door to documented functions. Each command prints what its function returns."""

import click

from snds_omop_assets.cli.any_cdm import characterise, check_cdm
from snds_omop_assets.cli.making import docs, synth
from snds_omop_assets.cli.runs import check_delivery, receive, report_command, run
from snds_omop_assets.cli.vocabulary import vocabulary


@click.group()
@click.version_option(package_name="snds_omop_assets")
def main() -> None:
    """SNDS deliveries to the OMOP CDM v5.4."""


for command in (run, report_command, receive, check_delivery, check_cdm, characterise, synth, docs, vocabulary):
    main.add_command(command)
