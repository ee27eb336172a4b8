"""Faults in the number of rows: a month that lacks its stays, a cliff in the lines."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from snds_omop_assets.contracts.contract_files import default_thresholds, official_tables
from snds_omop_assets.contracts.snds_tables import FLOW_MONTH
from snds_omop_assets.errors import SettingsError
from snds_omop_assets.reception.delivery import Source, open_delivery
from snds_omop_assets.synthetic.faults.dates import in_months
from snds_omop_assets.synthetic.faults.pieces import pieces_of, rewrite
from snds_omop_assets.synthetic.faults.rows_of_tables import as_text, without
from snds_omop_assets.synthetic.faults.sources import of_year, with_details

JUNE, FROM_SEPTEMBER, FROM_OCTOBER = ("06",), ("09", "10", "11", "12"), ("10", "11", "12")


def _enough(sources: Sequence[Source], month: pl.Expr) -> None:
    """See that reception judges the months of a table by volume.

    Raises:
        SettingsError: they have too few rows.
    """
    rows = sum(rows.select(month.sum()).item() for source in sources for rows in pieces_of(source))
    if rows < (least := default_thresholds()["small_volume"]):
        raise SettingsError(
            f"{sources[0].name} has fewer than {least:g} rows a month, which reception does not judge by volume: write "
            f"a delivery with more persons, or choose another fault."
        )


def hole_in_stays(folder: Path) -> None:
    """Leave the stays that began in June out of all tables of the stays; their keys are held in memory."""
    delivery = open_delivery(folder)
    patients, in_june = of_year(delivery, "T_MCO_C"), in_months("EXE_SOI_DTD", JUNE)
    _enough(patients, in_june)
    key = official_tables()["T_MCO_C"].key
    stays = pl.concat([rows.filter(in_june).select(map(as_text, key)) for s in patients for rows in pieces_of(s)])
    rewrite(
        with_details(delivery, "T_MCO_B"),
        lambda rows: rows.join(stays, left_on=[*map(as_text, key)], right_on=key, how="anti", maintain_order="left"),
    )


def cliff_in_lines(folder: Path) -> None:
    """Keep a third of the lines from September on, with their details: the lines are chosen by their key."""
    delivery = open_delivery(folder)
    _enough(of_year(delivery, "ER_PRS_F"), in_months(FLOW_MONTH, FROM_SEPTEMBER[:1]))
    key = pl.concat_str(map(as_text, official_tables()["ER_PRS_F"].key), separator="|", ignore_nulls=True)
    rewrite(
        with_details(delivery, "ER_PRS_F"),
        without(in_months(FLOW_MONTH, FROM_SEPTEMBER) & (key.hash() % 3 != 0)),
    )
