"""A delivery as it was a year earlier, and whether two warehouses hold the same base.

What a year adds is its flow of the DCIR, its files of the PMSI, and the rows of the referentials that were inserted in
it: so identifiers of the years before become one person's only then.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from snds_omop_assets.engines.duckdb_engine import parquet_rows, quoted
from snds_omop_assets.engines.opening import open_session
from snds_omop_assets.omop.conversion import Conversion, Made
from snds_omop_assets.omop.conversion_over_years import convert_over_years
from snds_omop_assets.preparation.persons_and_places import find_persons, find_sites
from snds_omop_assets.preparation.prepared_years import KINDS, Prepared, stored_years
from snds_omop_assets.quality.ledger import ledger
from snds_omop_assets.reception.deliveries import receive_delivery
from snds_omop_assets.reception.delivery import open_delivery
from snds_omop_assets.reception.store import Store
from snds_omop_assets.settings import Settings
from snds_omop_assets.vocabulary import base as vocabulary

INSERTED: Mapping[str, str] = {
    "IR_BEN_R": "BEN_DTE_INS",
    "IR_BEN_R_ARC": "BEN_DTE_INS",
    "IR_IMB_R": "INS_DTE",
    "KI_CCI_R": "FLX_PER_ANN",
    "KI_ECD_R": "FLX_PER_ANN",
}
"""The columns that tell when a row came; rows without it were always there."""


def without_year(delivery: Path, folder: Path, year: int, learnt_later: int = 0) -> Path:
    """Make the delivery that came before the last year of another one; gives its folder.

    Args:
        delivery: folder of CSV or Parquet files.
        folder: a new folder; files that are the same are links.
        year: the last year of the delivery.
        learnt_later: of how many pseudo-NIR one has no number for life yet, so that the year joins it to its person; 0
            for none.
    """
    folder.mkdir(parents=True)
    for path in sorted(delivery.iterdir()):
        if is_of_year(path, year):
            continue
        column = INSERTED.get(path.stem)
        if column is None:
            os.link(path, folder / path.name)
        else:
            known = learnt_later and path.stem.startswith("IR_BEN_R")
            columns = _unknown_numbers(learnt_later) if known else "*"
            _copy(path, folder / path.name, columns, f"coalesce({_year(column)}, 0) < {year}")
    return folder


def convert(settings: Settings, years: Sequence[int] | None = None) -> list[Made]:
    """Receive and convert a delivery as `snds-omop run` does, without Dagster and its checks.

    Args:
        settings: a deployment.
        years: the years of care to convert; None takes all.
    """
    store, opened = Store(settings.warehouse), open_session(settings)
    received = receive_delivery(open_delivery(settings.delivery), store)
    assert not received.errors, received.errors
    answer_codes(settings)
    for kind in KINDS:
        for year in stored_years(store, kind):
            Prepared(settings.warehouse, kind).prepare(opened, store, year)
    find_persons(settings, opened)
    find_sites(settings, opened)
    conversion = Conversion(settings, opened)
    conversion.forget()
    made = [conversion.make(year) for year in conversion.care_years() if years is None or year in years]
    made.append(conversion.make_referentials())
    convert_over_years(settings, opened)
    found = ledger(settings)
    assert not found.differences, found.differences
    (settings.warehouse / "quality").mkdir(exist_ok=True)
    pq.write_table(found.table, settings.warehouse / "quality" / "ledger.parquet")
    return made


def answer_codes(settings: Settings) -> None:
    """Resolve the codes of a base: what the assets vocabulary/* do."""
    loaded, user = vocabulary.load(settings), vocabulary.maps_of(settings)
    folder = settings.warehouse / "vocabulary"
    found = vocabulary.resolved(settings, user, vocabulary.codes_of(settings, user), loaded)
    pq.write_table(found.code_map, folder / "code_map.parquet")
    lines = vocabulary.map_lines(user)
    pq.write_table(vocabulary.source_to_concept_map(lines, loaded), folder / "source_to_concept_map.parquet")


def is_of_year(path: Path, year: int) -> bool:
    """Whether a file is of the flow or of the hospitals' files of a year."""
    return bool(re.fullmatch(rf"ER_\w+_{year}|T_[A-Z]+{year % 100:02d}[A-Z]+", path.stem))


def rows_of(warehouse: Path) -> Mapping[str, pd.DataFrame]:
    """The rows of a base, in an order of their own: every CDM table, the ledger, and who is who."""
    found = {place.stem: _rows(place) for place in sorted((warehouse / "omop").iterdir()) if place.name[0] != "."}
    found["ledger"] = _rows(warehouse / "quality" / "ledger.parquet")
    for name in ("person_identities", "beneficiaries"):
        found[name] = _rows(warehouse / "prepared" / f"{name}.parquet")
    return found


def differences(one: Path, other: Path) -> dict[str, str]:
    """How the bases of two warehouses differ, by table; empty where they are equal."""
    here, there = rows_of(one), rows_of(other)
    told = dict.fromkeys(here.keys() ^ there.keys(), "stands in one of them only")
    for name in here.keys() & there.keys():
        a, b = here[name], there[name]
        if a.equals(b):
            continue
        told[name] = f"{len(a)} and {len(b)} rows"
        if list(a.columns) == list(b.columns):
            both = a.merge(b, how="outer", indicator=True)
            counts = both["_merge"].value_counts()
            told[name] += f", {counts['left_only']} of the one only, {counts['right_only']} of the other"
    return told


def parts_of(warehouse: Path) -> Mapping[str, int]:
    """The files of the tables that are cut by year of care, each with its inode."""
    places = [place for place in (warehouse / "omop").glob("*.parquet/*/*.parquet") if "/." not in str(place)]
    return {str(place.relative_to(warehouse)): place.stat().st_ino for place in sorted(places)}


def years_made_again(before: Mapping[str, int], after: Mapping[str, int]) -> set[str]:
    """The parts (years of care, or `referentials`) that have other files than before."""
    return {Path(name).parent.name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def _rows(place: Path) -> pd.DataFrame:
    with duckdb.connect() as connection:
        if place.suffix == ".csv":
            source = f"read_csv({quoted(str(place))}, all_varchar = true)"
        else:
            files = [place] if place.is_file() else list(_files(place))
            if not files:
                return pd.DataFrame()
            source = parquet_rows(files)
        found: pd.DataFrame = connection.sql(f"SELECT COLUMNS(*)::VARCHAR FROM {source} ORDER BY ALL").df()
        return found


def _files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*.parquet")):
        if not any(part.startswith((".", "_")) for part in file.relative_to(folder).parts):
            yield file


def _year(column: str) -> str:
    """The year of a date or of a text that has one (31/12/2019)."""
    return f"TRY_CAST(regexp_extract(CAST({column} AS VARCHAR), '[0-9]{{4}}') AS INT)"


def _unknown_numbers(one_of: int) -> str:
    """The columns of IR_BEN_R, where one pseudo-NIR of so many has no number for life."""
    unknown = f"CAST('0x' || substr(md5(BEN_NIR_PSA), 1, 8) AS UBIGINT) % {one_of} = 0"
    numbers = (f"CASE WHEN {unknown} THEN NULL ELSE {name} END AS {name}" for name in ("BEN_NIR_ANO", "BEN_IDT_ANO"))
    return f"* REPLACE ({', '.join(numbers)})"


def _copy(path: Path, target: Path, columns: str, condition: str) -> None:
    """Copy the rows of a file for which a condition holds."""
    if path.suffix.lower() == ".csv":
        source = f"read_csv({quoted(str(path))}, all_varchar = true, delim = ';', header = true)"
        form = "FORMAT csv, DELIMITER ';', HEADER"
    else:
        source, form = f"read_parquet({quoted(str(path))})", "FORMAT parquet"
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        connection.execute(f"COPY (SELECT {columns} FROM {source} WHERE {condition}) TO {quoted(str(target))} ({form})")
