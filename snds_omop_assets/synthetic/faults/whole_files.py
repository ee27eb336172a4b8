"""Faults of whole files: another table under the name, other patients, files that were forgotten."""

from collections.abc import Callable
from pathlib import Path

from snds_omop_assets.reception.delivery import PARQUET, open_delivery
from snds_omop_assets.synthetic.faults.bytes_of_files import copied
from snds_omop_assets.synthetic.faults.kinds import Spoil
from snds_omop_assets.synthetic.faults.pieces import rewrite, rewritten
from snds_omop_assets.synthetic.faults.rows_of_tables import other_values
from snds_omop_assets.synthetic.faults.sources import of_year


def in_file(table: str, change: Callable[[Path], object], parquet: bool = False) -> Spoil:
    """Spoils the first file of a table; `parquet`: which is turned into Parquet first, if it is not."""

    def spoilt(folder: Path) -> None:
        source = of_year(open_delivery(folder), table)[0]
        path = source.path
        if parquet and source.kind != PARQUET:
            path = path.with_suffix(".parquet")
            rewritten(source, lambda rows: rows, path, PARQUET)
        change(path)

    return spoilt


def wrong_table(folder: Path) -> None:
    """IR_BEN_R holds IR_IMB_R, whatever kinds of files they are."""
    delivery = open_delivery(folder)
    persons, diseases = (of_year(delivery, table)[0].path for table in ("IR_BEN_R", "IR_IMB_R"))
    target = persons.with_suffix(diseases.suffix)
    copied(diseases, target)
    if target != persons:
        persons.unlink()


def hospital_patients(function: Callable[[str], str]) -> Spoil:
    """Changes the pseudonyms of all hospital patients, in all tables and years."""

    def spoilt(folder: Path) -> None:
        delivery = open_delivery(folder)
        of_year(delivery, "T_MCO_C")
        tables = [table for table in delivery.tables if "NIR_ANO_17" in delivery.table(table).columns]
        sources = [source for table in tables for source in delivery.files[table]]
        rewrite(sources, other_values(["NIR_ANO_17"], function))

    return spoilt


def not_delivered(table: str, last: bool = False) -> Spoil:
    """Takes the files of a table away, of one year."""

    def spoilt(folder: Path) -> None:
        for source in of_year(open_delivery(folder), table, last):
            source.path.unlink()

    return spoilt
